using Crew.Kernel;

namespace Crew.Tenancy.Crews;

/// <summary>A crew as the API shows it.</summary>
internal sealed record CrewAnswer(string Id, string WorkspaceId, string Name, CrewEnvironment Environment, CrewSettings Settings, DateTimeOffset CreatedAt)
{
    public static CrewAnswer Of(WorkspaceCrew crew) => new(crew.Id, crew.WorkspaceId, crew.Name, crew.Environment, CrewSettings.Parse(crew.Settings), crew.CreatedAt);
}

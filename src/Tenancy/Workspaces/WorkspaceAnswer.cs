using Crew.Kernel;

namespace Crew.Tenancy.Workspaces;

/// <summary>A workspace as the API shows it.</summary>
internal sealed record WorkspaceAnswer(
    string Id, string OrganizationId, string Name, string Plan, int RequestsPerMinute, bool Suspended, WorkspaceSettings Settings, DateTimeOffset CreatedAt)
{
    public static WorkspaceAnswer Of(Workspace workspace) => new(
        workspace.Id, workspace.OrganizationId, workspace.Name, workspace.Plan,
        workspace.RequestsPerMinute ?? (Plans.Plan.Find(workspace.Plan) ?? Plans.Plan.All[0]).RequestsPerMinute,
        workspace.SuspendedAt is not null, WorkspaceSettings.Parse(workspace.Settings), workspace.CreatedAt);
}

/// <summary>The rule for names: labels, not unique, for people to read.</summary>
internal static class Names
{
    public const int MaximumLength = 200;

    public static Fault? Check(string? name, string field = "name") =>
        string.IsNullOrWhiteSpace(name) || name.Length > MaximumLength || name.Any(char.IsControl)
            ? Faults.Invalid(field, $"{field} must be 1 to {MaximumLength} characters without control characters.")
            : null;
}

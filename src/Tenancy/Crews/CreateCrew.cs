using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Plans;
using Crew.Tenancy.Workspaces;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Crews;

internal static class CreateCrew
{
    internal sealed record Request(
        [property: Required, Description("1 to 200 characters; a label, not unique.")] string? Name,
        [property: Required, Description("development, staging or production; never changes.")] string? Environment);

    public static void Map(RouteGroupBuilder crews) =>
        crews.MapPost("/", Handle)
            .WithName("Crews.Create")
            .WithSummary("Make a crew of one environment. The environment never changes.")
            .WithMetadata(new CreatedRoute())
            .Requires(CrewSource.None, "crews:write")
            .WorkspaceLevel()
            .Audited("crew.created")
            .Refuses("quota_exceeded")
            .Example("""{"name": "Support", "environment": "staging"}""");

    private static async Task<Reply<CrewAnswer>> Handle(Body<Request> body, Call call, Store store, TimeProvider clock, CancellationToken cancel)
    {
        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (Names.Check(body.Value.Name) is { } nameless)
        {
            return nameless;
        }

        if (!CrewEnvironments.TryParse(body.Value.Environment, out var environment))
        {
            return Faults.Invalid("environment", "environment must be development, staging or production.");
        }

        var made = await store.ChangeAsync<WorkspaceCrew>(call.Tenant, call.Origin, async db =>
        {
            var workspace = await db.Set<Workspace>().AsNoTracking().SingleAsync(w => w.Id == call.Workspace.Id);
            var most = (Plan.Find(workspace.Plan) ?? Plan.All[0]).MaximumCrews;
            if (await db.Set<WorkspaceCrew>().CountAsync() >= most)
            {
                return Faults.QuotaExceeded("max_crews", most);
            }

            var crew = new WorkspaceCrew
            {
                Id = Id.New(IdPrefix.Crew, clock),
                WorkspaceId = call.Workspace.Id,
                Name = body.Value.Name!,
                Environment = environment,
                CreatedAt = clock.GetUtcNow(),
            };
            db.Add(crew);
            db.Raise(new Event("crew.created", new Resource("crew", crew.Id, crew.Name)) { CrewId = crew.Id });
            db.Touch(WorkspaceDirectory.FeedTopic, call.Workspace.Id);
            return crew;
        }, cancel);
        return made.Failed(out var refused) ? refused : Reply<CrewAnswer>.Created(CrewAnswer.Of(made.Value), made.Value.Version);
    }
}

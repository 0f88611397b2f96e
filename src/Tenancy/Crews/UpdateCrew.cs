using System.ComponentModel;
using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Workspaces;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Crews;

internal static class UpdateCrew
{
    internal sealed record Request(
        [property: Description("1 to 200 characters.")] string? Name,
        [property: Description("Merged into the settings (RFC 7396): null takes a field back.")] JsonElement? Settings);

    public static void Map(RouteGroupBuilder crews) =>
        crews.MapPatch("/{id}", Handle)
            .WithName("Crews.Update")
            .WithSummary("Rename a crew, or change what it narrows: models, regions of providers, tokens a minute, concurrent streams, zero-logging.")
            .Requires(CrewSource.Path, "crews:write")
            .Audited("crew.updated")
            .Example("""{"name": "Support, EU", "settings": {"allowed_regions": ["eu"], "zero_logging": true}}""");

    private static async Task<Reply<CrewAnswer>> Handle(string id, Body<Request> body, Call call, Store store, CancellationToken cancel)
    {
        if (!ReadCrews.Sees(call, id))
        {
            return Faults.NotFound;
        }

        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (body.Value.Name is not null && Names.Check(body.Value.Name) is { } nameless)
        {
            return nameless;
        }

        var changed = await store.ChangeAsync<WorkspaceCrew>(call.Tenant, call.Origin, async db =>
        {
            if (await db.Set<WorkspaceCrew>().SingleOrDefaultAsync(c => c.Id == id) is not { } crew)
            {
                return Faults.NotFound;
            }

            if (call.CheckVersion(crew.Version) is { } stale)
            {
                return stale;
            }

            return Apply(db, crew, body.Value) is { } wrong ? wrong : crew;
        }, cancel);
        return changed.Failed(out var refused) ? refused : Reply<CrewAnswer>.Ok(CrewAnswer.Of(changed.Value), changed.Value.Version);
    }

    private static Fault? Apply(Db db, WorkspaceCrew crew, Request request)
    {
        var changes = new List<FieldChange>();
        if (request.Name is { } name && name != crew.Name)
        {
            changes.Add(new FieldChange("name", crew.Name, name));
            crew.Name = name;
        }

        if (request.Settings is { } patch)
        {
            var before = CrewSettings.Parse(crew.Settings).ToJson();
            var merged = SettingsMerge.Apply<CrewSettings>(before, patch);
            if ((merged.Fault ?? merged.Value.Check()) is { } wrong)
            {
                return wrong;
            }

            crew.Settings = merged.Value.ToJson();
            changes.AddRange(SettingsMerge.Differences(before, crew.Settings));
        }

        if (changes.Count > 0)
        {
            crew.Version++;
            db.Raise(new Event("crew.updated", new Resource("crew", crew.Id, crew.Name)) { CrewId = crew.Id, Changes = changes });
            db.Touch(WorkspaceDirectory.FeedTopic, crew.WorkspaceId);
        }

        return null;
    }
}

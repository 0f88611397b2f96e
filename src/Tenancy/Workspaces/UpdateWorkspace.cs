using System.ComponentModel;
using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Plans;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Workspaces;

internal static class UpdateWorkspace
{
    /// <summary>Fields that are left out stay as they are; <c>settings</c> merges field by field.</summary>
    internal sealed record Request(
        [property: Description("1 to 200 characters.")] string? Name,
        [property: Description("starter, professional or enterprise.")] string? Plan,
        [property: Description("Overrides the plan's rate; 1 to 10000000.")] int? RequestsPerMinute,
        [property: Description("Fields of settings as the answer shows them; what is left out stays as it is.")] JsonElement? Settings);

    public static void Map(RouteGroupBuilder workspaces) =>
        workspaces.MapPatch("/{id}", Handle)
            .WithName("Workspaces.Update")
            .WithSummary("Change a workspace's name or settings; plan and rate need an organization role.")
            .Requires(CrewSource.None, "workspace:write", "workspaces:write")
            .WorkspaceLevel()
            .Audited("workspace.updated", "ip_allowlist.changed")
            .Refuses("ip_list_excludes_caller")
            .Example("""{"settings": {"allowed_ips": ["203.0.113.0/24"], "zero_logging": true}}""");

    private static async Task<Reply<WorkspaceAnswer>> Handle(
        string id, Body<Request> body, Call call, Store store, string? force, CancellationToken cancel)
    {
        if (!Id.IsValid(id, IdPrefix.Workspace) || !ReadWorkspace.Reaches(call, id, "workspaces:write"))
        {
            return Faults.NotFound;
        }

        if (body.Fault is { } broken)
        {
            return broken;
        }

        if (Check(body.Value, call) is { } wrong)
        {
            return wrong;
        }

        if (force is not (null or "true" or "false"))
        {
            return Faults.Invalid("force", "force must be true or false.");
        }

        var author = id == call.Workspace.Id ? call.Address : null;
        var changed = await store.ChangeAsync<Workspace>(new Tenant(call.Caller.OrganizationId, id), call.Origin, async db =>
        {
            var workspace = await db.Set<Workspace>().SingleOrDefaultAsync(w => w.Id == id && w.DeletedAt == null);
            if (workspace is null)
            {
                return Faults.NotFound;
            }

            var fault = call.CheckVersion(workspace.Version) ?? Apply(db, workspace, body.Value, author, force == "true");
            return fault is null ? workspace : fault;
        }, cancel);
        return changed.Failed(out var refused) ? refused : Reply<WorkspaceAnswer>.Ok(WorkspaceAnswer.Of(changed.Value), changed.Value.Version);
    }

    private static Fault? Check(Request request, Call call)
    {
        if (request.Name is not null && Names.Check(request.Name) is { } nameless)
        {
            return nameless;
        }

        if ((request.Plan is not null || request.RequestsPerMinute is not null)
            && !call.Caller.OrganizationPermissions.Has(Permissions.Of("workspaces:write")))
        {
            return Faults.InsufficientPermissions("workspaces:write");
        }

        if (request.Plan is not null && Plan.Find(request.Plan) is null)
        {
            return Faults.Invalid("plan", $"plan must be one of {string.Join(", ", Plan.All.Select(p => p.Id))}.");
        }

        return request.RequestsPerMinute is < 1 or > 10_000_000
            ? Faults.Invalid("requests_per_minute", "requests_per_minute must be from 1 to 10000000.")
            : null;
    }

    private static Fault? Apply(Db db, Workspace workspace, Request request, System.Net.IPAddress? author, bool force)
    {
        var changes = new List<FieldChange>();
        if (request.Name is { } name && name != workspace.Name)
        {
            changes.Add(new FieldChange("name", workspace.Name, name));
            workspace.Name = name;
        }

        if (request.Plan is { } plan && plan != workspace.Plan)
        {
            changes.Add(new FieldChange("plan", workspace.Plan, plan));
            workspace.Plan = plan;
        }

        if (request.RequestsPerMinute is { } rate && rate != workspace.RequestsPerMinute)
        {
            changes.Add(new FieldChange("requests_per_minute", workspace.RequestsPerMinute, rate));
            workspace.RequestsPerMinute = rate;
        }

        if (request.Settings is { } settings && ApplySettings(db, workspace, settings, changes, author, force) is { } fault)
        {
            return fault;
        }

        if (changes.Count > 0)
        {
            workspace.Version++;
            db.Raise(new Event("workspace.updated", new Resource("workspace", workspace.Id, workspace.Name)) { Changes = changes });
            db.Touch(WorkspaceDirectory.FeedTopic, workspace.Id);
        }

        return null;
    }

    private static Fault? ApplySettings(Db db, Workspace workspace, JsonElement patch, List<FieldChange> changes, System.Net.IPAddress? author, bool force)
    {
        var before = WorkspaceSettings.Parse(workspace.Settings);
        var merged = SettingsMerge.Apply(before, patch);
        if (merged.Failed(out var fault))
        {
            return fault;
        }

        var after = merged.Value;
        if (after.Check(author, force) is { } wrong)
        {
            return wrong;
        }

        if (!before.AllowedIps.SequenceEqual(after.AllowedIps))
        {
            db.Raise(new Event("ip_allowlist.changed", new Resource("workspace", workspace.Id, workspace.Name))
            {
                Changes = [new FieldChange("allowed_ips", before.AllowedIps, after.AllowedIps)],
            });
        }

        if (workspace.Settings != after.ToJson())
        {
            changes.AddRange(SettingsMerge.Differences(before, after));
            workspace.Settings = after.ToJson();
        }

        return null;
    }
}

using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Net;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Tenancy.Crews;
using Crew.Tenancy.Plans;
using Microsoft.EntityFrameworkCore;

namespace Crew.Tenancy.Workspaces;

/// <summary>Workspaces in memory, loaded at first use and dropped when the feed says that they changed.</summary>
internal sealed class WorkspaceDirectory : IWorkspaceDirectory
{
    public const string FeedTopic = "workspaces";
    private readonly Store _store;
    private readonly ConcurrentDictionary<string, WorkspaceView> _views = new();
    private long _followed;

    /// <summary>What all workspaces list, read when a page first calls and again after a change of any workspace.</summary>
    private volatile FrozenSet<string>? _origins;

    public WorkspaceDirectory(Store store)
    {
        _store = store;
        store.Feed.Follow(FeedTopic, (ids, _) =>
        {
            Interlocked.Increment(ref _followed);
            foreach (var id in ids)
            {
                _views.TryRemove(id, out var _);
            }

            _origins = null;

            return Task.CompletedTask;
        });
    }

    public long RetentionVersion => Volatile.Read(ref _followed);

    public ValueTask<WorkspaceView?> FindAsync(string organizationId, string workspaceId, CancellationToken cancel)
    {
        if (_views.TryGetValue(workspaceId, out var view))
        {
            return ValueTask.FromResult(view.OrganizationId == organizationId ? view : null);
        }

        return Id.IsValid(workspaceId, IdPrefix.Workspace) ? LoadAsync(organizationId, workspaceId, cancel) : ValueTask.FromResult<WorkspaceView?>(null);
    }

    public ValueTask<bool> IsListedOriginAsync(string origin, CancellationToken cancel) =>
        _origins is { } listed ? ValueTask.FromResult(listed.Contains(origin)) : LoadOriginsAsync(origin, cancel);

    public Task<IReadOnlyList<RetentionTerms>> RetentionAsync(CancellationToken cancel) => _store.ReadAsync<IReadOnlyList<RetentionTerms>>(SystemJob.Expiry, async db =>
    {
        var rows = await db.Set<Workspace>().AsNoTracking().OrderBy(w => w.Id).Select(w => new { w.Id, w.OrganizationId, w.Settings }).ToListAsync(cancel);
        return rows.ConvertAll(w =>
        {
            var kept = WorkspaceSettings.Parse(w.Settings).Retention;
            return new RetentionTerms(new Tenant(w.OrganizationId, w.Id), kept.RequestDays, kept.AuditDays, kept.CallMetadataDays)
            {
                EventDays = kept.EventDays,
            };
        });
    }, cancel);

    private async ValueTask<bool> LoadOriginsAsync(string origin, CancellationToken cancel)
    {
        while (true)
        {
            var version = _store.Feed.Applied;
            var settings = await _store.ReadAsync(SystemJob.HotState, db => db.Set<Workspace>().AsNoTracking()
                .Where(w => w.DeletedAt == null && w.Settings.Contains("\"allowed_origins\":[\"")).Select(w => w.Settings).ToListAsync(cancel), cancel);
            var listed = settings.SelectMany(s => WorkspaceSettings.Parse(s).AllowedOrigins).ToFrozenSet(StringComparer.Ordinal);
            if (_store.Feed.Applied == version)
            {
                _origins = listed;
                return listed.Contains(origin);
            }
        }
    }

    private async ValueTask<WorkspaceView?> LoadAsync(string organizationId, string workspaceId, CancellationToken cancel)
    {
        while (true)
        {
            var version = _store.Feed.Applied;
            var view = await _store.ReadAsync(new Tenant(organizationId, workspaceId), async db =>
            {
                var workspace = await db.Set<Workspace>().AsNoTracking().SingleOrDefaultAsync(w => w.Id == workspaceId && w.DeletedAt == null, cancel);
                return workspace is null ? null : View(workspace, await db.Set<WorkspaceCrew>().AsNoTracking().ToListAsync(cancel));
            }, cancel);
            if (view is null)
            {
                return null;
            }

            _views[workspaceId] = view;

            // A change that was applied while we read may have found nothing to drop: then what was read may be old.
            if (_store.Feed.Applied == version)
            {
                return view;
            }

            _views.TryRemove(workspaceId, out _);
        }
    }

    private static WorkspaceView View(Workspace workspace, List<WorkspaceCrew> crews)
    {
        var settings = WorkspaceSettings.Parse(workspace.Settings);
        var plan = Plan.Find(workspace.Plan) ?? Plan.All[0];
        return new WorkspaceView
        {
            Id = workspace.Id,
            OrganizationId = workspace.OrganizationId,
            Name = workspace.Name,
            Suspended = workspace.SuspendedAt is not null,
            Crews = crews.ToFrozenDictionary(c => c.Id, c => c.Environment),
            AllowedOrigins = settings.AllowedOrigins.ToFrozenSet(StringComparer.Ordinal),
            AllowedNetworks = [.. settings.AllowedIps.Select(ip => Networks.TryParse(ip, out var network) ? network : new IPNetwork(IPAddress.None, 32))],
            RequestsPerMinute = workspace.RequestsPerMinute ?? plan.RequestsPerMinute,
            MaximumKeys = plan.MaximumKeys,
            MaximumMembers = plan.MaximumMembers,
            MaximumWebhooks = plan.MaximumWebhooks,
            RequiresMfa = plan.RequiresMfa,
            MembersMayEditProduction = settings.MembersMayEditProduction,
            ViewersMayReadTranscripts = settings.ViewersMayReadTranscripts,
            AllowedModels = settings.AllowedModels?.ToFrozenSet(),
            AllowedRegions = PolicyCheck.Regions(settings.AllowedRegions),
            TokensPerMinute = settings.TokensPerMinute,
            ConcurrentStreams = settings.ConcurrentStreams,
            CrewPolicies = crews.Where(c => c.Settings is not null)
                .ToFrozenDictionary(c => c.Id, c => CrewSettings.Parse(c.Settings).ToPolicy()),
            NonProductionMayUseLiveProviders = settings.NonProductionLiveProviders,
            RevokeKeysSeenInUrls = settings.RevokeKeysSeenInUrls,
            ZeroLogging = settings.ZeroLogging,
        };
    }
}

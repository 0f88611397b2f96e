using System.Collections.Concurrent;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Webhooks.Catalogue;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Endpoints;

/// <summary>An endpoint as the outbox and the workers hold it; replaced as a whole when it changes.</summary>
internal sealed class EndpointView(WebhookEndpoint row, KeyRing ring)
{
    private readonly EventFilter _filter = EventFilter.Read(row.Events);

    public string Id => row.Id;

    public Tenant Tenant { get; } = row.Tenant;

    public string? CrewId => row.CrewId;

    public Uri Url { get; } = new(row.Url);

    public string Status => row.Status;

    public string CreatorType => row.CreatorType;

    public string CreatorId => row.CreatorId;

    /// <summary>Whether events are kept for it. A paused one gets them when it goes on.</summary>
    public bool TakesDeliveries => row.Status != WebhookEndpoint.Disabled;

    /// <summary>Whether anything is sent.</summary>
    public bool Sends => row.Status == WebhookEndpoint.Active && (!row.ChallengeRequired || row.VerifiedAt is not null);

    public SecretText? Secret { get; } = Open(row, ring, "secret_sealed", row.SecretSealed);

    public SecretText? FormerSecret { get; } = Open(row, ring, "former_secret_sealed", row.FormerSecretSealed);

    public DateTimeOffset? FormerEndsAt => row.FormerEndsAt;

    public IReadOnlyDictionary<string, string> Headers { get; } =
        Open(row, ring, "headers_sealed", row.HeadersSealed) is { } json ? CustomHeaders.Read(json.Reveal()) : new Dictionary<string, string>();

    /// <summary>
    /// The name under which it gets an event; null when it does not. With a crew: events of that crew, and of the workspace that name none.
    /// Without: those of the workspace.
    /// </summary>
    public string? NameOf(EventType type, string? crewId)
    {
        var isNear = CrewId is null ? type.Level == EventLevel.Workspace : crewId is null || crewId == CrewId;
        return isNear ? _filter.NameOf(type.Name) : null;
    }

    private static SecretText? Open(WebhookEndpoint row, KeyRing ring, string column, byte[]? sealedText) =>
        sealedText is not null && ring.TryOpenText(KeyScope.Workspace, row.WorkspaceId, WebhookEndpoint.CellOf(row.WorkspaceId, column, row.Id), sealedText, out var text)
            ? new SecretText(text) : null;
}

/// <summary>
/// All endpoints in memory, so that a change finds its listeners without a look-up. A change of an endpoint answers when every node has
/// followed it: from then on no event passes it by.
/// </summary>
internal sealed class EndpointDirectory
{
    public const string FeedTopic = "webhooks";

    private readonly Lazy<Store> _store;
    private readonly Lazy<KeyRing> _ring;
    private readonly ConcurrentDictionary<string, EndpointView> _byId = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, IReadOnlyList<EndpointView>> _byWorkspace = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _loading = new(1);
    private bool _follows;

    public EndpointDirectory(Lazy<Store> store, Lazy<KeyRing> ring) => (_store, _ring) = (store, ring);

    /// <summary>Loads all endpoints and follows their changes; once the store has started.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        if (!_follows)
        {
            _follows = true;
            _store.Value.Feed.Follow(FeedTopic, ApplyAsync);
        }

        await LoadAsync(null, cancel);
    }

    public EndpointView? Find(string id) => _byId.GetValueOrDefault(id);

    public IReadOnlyList<EndpointView> Of(string workspaceId) => _byWorkspace.GetValueOrDefault(workspaceId) ?? [];

    private Task ApplyAsync(IReadOnlyList<string> ids, CancellationToken cancel) => LoadAsync(ids, cancel);

    private async Task LoadAsync(IReadOnlyList<string>? ids, CancellationToken cancel)
    {
        await _loading.WaitAsync(cancel);
        try
        {
            var rows = await _store.Value.ReadAsync(SystemJob.HotState, async db =>
            {
                var all = db.Set<WebhookEndpoint>().AsNoTracking();
                return await (ids is null ? all : all.Where(e => ids.Contains(e.Id))).ToListAsync(cancel);
            }, cancel);
            var touched = new HashSet<string>(StringComparer.Ordinal);
            foreach (var row in rows)
            {
                _byId[row.Id] = new EndpointView(row, _ring.Value);
                touched.Add(row.WorkspaceId);
            }

            foreach (var gone in (ids ?? []).Except(rows.Select(r => r.Id)))
            {
                if (_byId.TryRemove(gone, out var removed))
                {
                    touched.Add(removed.Tenant.WorkspaceId!);
                }
            }

            foreach (var group in _byId.Values.GroupBy(e => e.Tenant.WorkspaceId!).Where(g => touched.Contains(g.Key)))
            {
                _byWorkspace[group.Key] = [.. group.OrderBy(e => e.Id, StringComparer.Ordinal)];
                touched.Remove(group.Key);
            }

            foreach (var empty in touched)
            {
                _byWorkspace.TryRemove(empty, out _);
            }
        }
        finally
        {
            _loading.Release();
        }
    }
}

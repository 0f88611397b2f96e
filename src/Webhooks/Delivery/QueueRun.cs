using System.Collections.Concurrent;
using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Crew.Webhooks.Endpoints;
using Crew.Webhooks.Events;

namespace Crew.Webhooks.Delivery;

/// <summary>
/// Works through the queue of one endpoint while this node holds it.
/// <code>
///   well         what is due, several at a time; one at a time after a failure     ── a delivery fails for good ─►  failing
///   failing      the oldest one, each hour                                          ── 2xx ─►  catching up
///   catching up  all that is open, in order, one at a time                          ── nothing left ─►  well
/// </code>
/// </summary>
/// <param name="stop">Nothing new begins any more.</param>
/// <param name="cut">What is under way is cut.</param>
internal sealed class QueueRun(DeliveryTools tools, TakenQueue taken, CancellationToken stop, CancellationToken cut)
{
    private const int MostFetched = 64;
    private const int MostOffered = 512;
    private const int KeptAttempts = 20;
    private const int MostSeen = 10_000;

    private readonly ConcurrentQueue<Parcel> _offered = new();
    private readonly SemaphoreSlim _news = new(0);
    private Task? _newsToCome;
    private readonly Dictionary<string, Task<Verdict?>> _underWay = new(StringComparer.Ordinal);
    private readonly Queue<Parcel> _todo = new();
    private readonly Lock _gate = new();

    /// <summary>What this run has had: a delivery that was handed over in memory may have been read as well.</summary>
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private bool _isClosed;
    private bool _isMissing = true;
    private bool _hasFailed;
    private DateTimeOffset? _nextDue;
    private string _health = taken.Health;
    private long? _dueAt;

    public string EndpointId => taken.EndpointId;

    public string WorkspaceId => taken.WorkspaceId;

    /// <summary>Set when another node has taken the queue: then it ends without a word.</summary>
    public bool IsLost { get; set; }

    /// <summary>Hands over a new delivery. False when the run is ending: then it has to be found by way of the database.</summary>
    public bool TryOffer(Parcel parcel)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return false;
            }

            if (_health != EndpointQueue.Well || _offered.Count >= MostOffered)
            {
                _isMissing = true;
            }
            else
            {
                _offered.Enqueue(parcel);
            }
        }

        _news.Release();
        return true;
    }

    /// <summary>Has it look into the database again; false when it is ending.</summary>
    public bool Look()
    {
        lock (_gate)
        {
            _isMissing |= !_isClosed;
        }

        _news.Release();
        return !_isClosed;
    }

    /// <summary>Works until nothing is left, then lets the queue go.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (!stop.IsCancellationRequested && !IsLost && await StepAsync())
            {
            }
        }
        finally
        {
            Close();
            await Task.WhenAll(_underWay.Values).ContinueWith(static _ => { }, TaskScheduler.Default);
            if (!IsLost)
            {
                // What came to its end after the last round says as much about the endpoint as what came before.
                while (_underWay.Count > 0 && tools.Directory.Find(EndpointId) is { Sends: true } endpoint)
                {
                    await ReapAsync(endpoint);
                }

                await LetGoAsync();
            }
        }
    }

    /// <summary>One round; false when this node has nothing to do for the endpoint now.</summary>
    private async Task<bool> StepAsync()
    {
        if (tools.Directory.Find(EndpointId) is not { Sends: true } endpoint)
        {
            return Sleep();
        }

        if (await tools.Rights.CreatorAsync(endpoint, stop) is not { } creator)
        {
            await tools.Fate.PauseAsync(endpoint, tools.Now);
            return Sleep();
        }

        if (_health != EndpointQueue.Well)
        {
            return await InOrderAsync(endpoint, creator);
        }

        await FetchAsync();
        var degree = _hasFailed ? 1 : tools.Options.MostAttemptsPerEndpoint;
        while (_underWay.Count < degree && _todo.TryDequeue(out var parcel))
        {
            if (!_underWay.ContainsKey(parcel.Id))
            {
                _underWay[parcel.Id] = SendAsync(endpoint, creator, parcel);
            }
        }

        return await WaitAsync() && await ReapAsync(endpoint);
    }

    /// <summary>The oldest open delivery, and only when it succeeds the next.</summary>
    private async Task<bool> InOrderAsync(EndpointView endpoint, Caller creator)
    {
        var open = await tools.Store.ReadAsync(SystemJob.Deliveries, db => QueueSchema.OpenAsync(db, EndpointId, true, 0, MostFetched, stop), stop);
        if (open.Count == 0)
        {
            // The next round looks once more before anything goes out beside the order.
            _health = EndpointQueue.Well;
            return true;
        }

        foreach (var row in open)
        {
            var parcel = ParcelOf(row);
            var now = tools.Now;
            if (_health == EndpointQueue.CatchingUp && row.State == DeliveryRecord.Pending && row.Attempts > 0 && parcel.NextAt > now && parcel.NextAt < now + DeliverySchedule.FarAhead)
            {
                _dueAt = row.NextAt;
                return false;
            }

            var verdict = await SendAsync(endpoint, creator, parcel);
            if (verdict is null || IsLost || stop.IsCancellationRequested)
            {
                return false;
            }

            if (!await JudgeInOrderAsync(endpoint, parcel, verdict))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the next one may follow.</summary>
    private async Task<bool> JudgeInOrderAsync(EndpointView endpoint, Parcel parcel, Verdict verdict)
    {
        var now = tools.Now;
        switch (verdict.Kind)
        {
            case VerdictKind.Gone:
                await tools.Fate.DisableAsync(endpoint, "gone", now);
                return Sleep();
            case VerdictKind.Retry or VerdictKind.Final when _health == EndpointQueue.Failing && verdict.WasSent:
                var since = DateTimeOffset.FromUnixTimeMilliseconds(taken.FailingSince ?? now.ToUnixTimeMilliseconds());
                if (now - since >= DeliverySchedule.GivesUpAfter)
                {
                    await tools.Fate.DisableAsync(endpoint, "failing", now);
                    return Sleep();
                }

                _dueAt = DeliverySchedule.NextProbe(now, Random.Shared.NextDouble()).ToUnixTimeMilliseconds();
                return false;
            case VerdictKind.Retry when parcel.Attempts + 1 >= DeliverySchedule.MostAttempts:
                return await FailAsync(endpoint);
            case VerdictKind.Retry:
                // The next look finds it at the head, and waits for its time.
                return false;
            default:
                if (_health == EndpointQueue.Failing && verdict.Kind == VerdictKind.Delivered && await tools.Fate.RecoverAsync(endpoint))
                {
                    _health = EndpointQueue.CatchingUp;
                }

                return true;
        }
    }

    private async Task FetchAsync()
    {
        while (_offered.TryDequeue(out var parcel))
        {
            if (_seen.Add(parcel.Id))
            {
                _todo.Enqueue(parcel);
            }
        }

        var now = tools.Now;
        if (_todo.Count > 0 || !(_isMissing || _nextDue <= now))
        {
            return;
        }

        (_isMissing, _nextDue) = (false, null);
        var open = await tools.Store.ReadAsync(SystemJob.Deliveries,
            db => QueueSchema.OpenAsync(db, EndpointId, false, now.ToUnixTimeMilliseconds(), MostFetched, stop), stop);
        _isMissing |= open.Count == MostFetched;
        if (_seen.Count > MostSeen)
        {
            _seen.Clear();
        }

        foreach (var row in open.Where(r => !_underWay.ContainsKey(r.Id)))
        {
            _seen.Add(row.Id);
            _todo.Enqueue(ParcelOf(row));
        }
    }

    /// <summary>Waits for an attempt to end or for news; false when neither came for a while and nothing is under way.</summary>
    private async Task<bool> WaitAsync()
    {
        if (_underWay.Count == 0)
        {
            return _todo.Count > 0 || _isMissing || await LingerAsync();
        }

        if (_underWay.Values.Any(t => t.IsCompleted))
        {
            return true;
        }

        await Task.WhenAny([.. _underWay.Values, NewsAsync()]);
        return true;
    }

    private async Task<bool> LingerAsync()
    {
        var news = NewsAsync();
        await Task.WhenAny(news, Task.Delay(tools.Options.LingerMilliseconds, stop));
        return news.IsCompletedSuccessfully;
    }

    /// <summary>One wait for the next news, whoever waits: one that was left behind would swallow them.</summary>
    private Task NewsAsync() => _newsToCome is { IsCompleted: false } waiting ? waiting : _newsToCome = _news.WaitAsync(stop);

    private async Task<bool> ReapAsync(EndpointView endpoint)
    {
        foreach (var (id, ended) in _underWay.Where(t => t.Value.IsCompleted).ToList())
        {
            _underWay.Remove(id);
            if (await ended is not { } verdict)
            {
                return false;
            }

            _hasFailed = verdict.Kind == VerdictKind.Retry;
            if (verdict.Kind == VerdictKind.Gone)
            {
                await tools.Fate.DisableAsync(endpoint, "gone", tools.Now);
                return Sleep();
            }

            if (verdict is { Kind: VerdictKind.Retry, IsLast: true })
            {
                return await FailAsync(endpoint);
            }
        }

        return true;
    }

    private async Task<bool> FailAsync(EndpointView endpoint)
    {
        var now = tools.Now;
        if (await tools.Fate.FailAsync(endpoint, now))
        {
            (_health, _dueAt) = (EndpointQueue.Failing, DeliverySchedule.NextProbe(now, Random.Shared.NextDouble()).ToUnixTimeMilliseconds());
        }

        return false;
    }

    /// <summary>One attempt, until its outcome is durable; null when it did not come to that.</summary>
    private async Task<Verdict?> SendAsync(EndpointView endpoint, Caller creator, Parcel parcel)
    {
        await Task.Yield();
        try
        {
            using var slot = await tools.Slots.EnterAsync(WorkspaceId, stop);
            var began = tools.Clock.GetTimestamp();
            var verdict = parcel.Data.Length == 0 ? Verdict.Unreadable
                : !await tools.Rights.MayReadAsync(creator, parcel, stop) ? Verdict.NotPermitted
                : await tools.Sender.SendAsync(endpoint, parcel, cut);
            var row = RowOf(parcel, verdict, (long)tools.Clock.GetElapsedTime(began).TotalMilliseconds);
            await tools.Book.WriteAsync(row);
            return verdict with { IsLast = row.State == DeliveryRecord.Failed };
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (StorageUnavailableException)
        {
            // Nobody can say what the creator may read; the delivery stays as it is and is found again.
            return null;
        }
    }

    private AttemptRow RowOf(Parcel parcel, Verdict verdict, long latencyMs)
    {
        var (now, made) = (tools.Now, parcel.Attempts + 1);
        var next = verdict.Kind == VerdictKind.Retry ? DeliverySchedule.Next(made, now, verdict.RetryAfter, Random.Shared.NextDouble()) : null;
        if (next is { } due)
        {
            _nextDue = _nextDue < due ? _nextDue : due;
        }

        var log = parcel.Log is null ? [] : JsonSerializer.Deserialize<List<AttemptAnswer>>(parcel.Log, ApiJson.Options)!;
        log.Add(new AttemptAnswer(now, verdict.Status, verdict.Error, latencyMs));
        var response = verdict.Text is null ? null
            : tools.Ring.Seal(KeyScope.Workspace, WorkspaceId, DeliveryRecord.CellOf(WorkspaceId, parcel.Id), verdict.Text);
        var state = verdict.Kind == VerdictKind.Delivered ? DeliveryRecord.Delivered : next is null ? DeliveryRecord.Failed : DeliveryRecord.Pending;
        return new AttemptRow(parcel.Id, made, state, verdict.Kind == VerdictKind.Retry ? 1 : 0, (next ?? now).ToUnixTimeMilliseconds(),
            JsonSerializer.Serialize(log.TakeLast(KeptAttempts), ApiJson.Options), response);
    }

    private Parcel ParcelOf(OpenDelivery row)
    {
        var happened = new StoredEvent
        {
            Id = row.EventId,
            At = DateTimeOffset.FromUnixTimeMilliseconds(row.EventAt),
            OrganizationId = row.OrganizationId,
            WorkspaceId = row.WorkspaceId,
            CrewId = row.CrewId,
            Type = row.EventType,
            DataSealed = row.DataSealed,
        };
        return new Parcel(row.Id, EndpointId, happened, row.Type, happened.Open(tools.Ring) ?? [], row.Attempts)
        {
            Log = row.Log,
            NextAt = DateTimeOffset.FromUnixTimeMilliseconds(row.NextAt),
        };
    }

    private bool Sleep()
    {
        _dueAt = -1;
        return false;
    }

    private void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
        }
    }

    private async Task LetGoAsync()
    {
        var now = tools.Now.ToUnixTimeMilliseconds();
        var due = (stop.IsCancellationRequested && _dueAt is null) || !_offered.IsEmpty || _isMissing && _dueAt is null ? now : _dueAt;
        await tools.Store.ChangeAsync<int>(SystemJob.Deliveries, Origin.System, async db => await QueueSchema.LetGoAsync(db, tools.Holder, taken, _health, due, now));
    }
}

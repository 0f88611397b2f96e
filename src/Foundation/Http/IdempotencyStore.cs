using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Crew.Http;

/// <summary>Refusals about the header Idempotency-Key.</summary>
internal static class IdempotencyFaults
{
    public static readonly Fault Invalid = Faults.Invalid("Idempotency-Key", "The header Idempotency-Key must be 1 to 255 printable ASCII characters.");

    public static readonly Fault Conflict = new("idempotency_conflict", 409,
        "This Idempotency-Key was used for a different body within the last 24 hours. Use a new key for a new request.");

    public static readonly Fault InProgress = new("idempotency_in_progress", 409,
        "A request with this Idempotency-Key is being handled right now. Wait for its answer, then repeat.")
    { RetryAfterSeconds = 1 };

    public static Fault AlreadyCreated(string? id) => new Fault("already_created", 409,
        "This request was carried out already, and its answer held a secret that is shown only once. Read the thing by its id, or make a new one.").With("id", id);
}

/// <summary>
/// Idempotency of management POSTs, for 24 hours per workspace, principal, method, path and key. The entry is marked done in
/// the transaction of the change itself (as an event sink), so that a crash in between can neither lose nor double it.
/// </summary>
internal sealed class IdempotencyStore(Lazy<Store> store, Lazy<RequestHasher> hasher, Lazy<KeyRing> keys, TimeProvider clock) : IEventSink
{
    /// <summary>How long a key and its answer are kept.</summary>
    public static readonly TimeSpan KeepFor = TimeSpan.FromHours(24);
    private static readonly TimeSpan OwnerIsDeadAfter = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Entries whose request is under way in this process, with its id. A client that leaves ends its request without an answer: what
    /// then still says "running" was never committed, and the client's next try may run it.
    /// </summary>
    private readonly ConcurrentDictionary<string, string> _underWay = new(StringComparer.Ordinal);
    private readonly string _epoch = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    public async ValueTask<Fault?> BeginAsync(Call call, Endpoint endpoint)
    {
        var http = call.Http;
        var header = http.Request.Headers["Idempotency-Key"];
        if (header.Count == 0 || !HttpMethods.IsPost(http.Request.Method) || endpoint.Metadata.GetMetadata<NotIdempotentRoute>() is not null)
        {
            return null;
        }

        var key = header.ToString();
        if (key.Length is < 1 or > 255 || key.Any(c => c is <= ' ' or > '~'))
        {
            return IdempotencyFaults.Invalid;
        }

        var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, call.Aborted);
        body.Position = 0;
        http.Request.Body = body;
        var id = hasher.Value.Hash(Encoding.UTF8.GetBytes(
            $"{call.Tenant.WorkspaceId}|{PrincipalOf(call.Caller)}|POST|{http.Request.Path}|{key}"));
        var requestHash = hasher.Value.Hash(body.GetBuffer().AsSpan(0, (int)body.Length));
        return await ReserveAsync(call, id, requestHash);
    }

    /// <summary>A key with those that replace it; a token of its own, because many people hold tokens of one key.</summary>
    private static string PrincipalOf(Caller caller) => caller.Actor.Type == "api_key" ? caller.LineageId : $"{caller.Actor.Type}|{caller.Actor.Id}";

    /// <summary>Runs inside the transaction of the change.</summary>
    public void Write(Db db, Origin origin, IReadOnlyList<Event> events)
    {
        if (origin.IdempotencyId is { } id)
        {
            if (db.Set<IdempotencyEntry>().SingleOrDefault(e => e.Id == id) is not { } entry || entry.Epoch != _epoch)
            {
                // This process was silent for so long that another one took the request over: this change must not happen as well.
                throw new DbUpdateConcurrencyException("The idempotency entry of this request belongs to another process now.");
            }

            entry.State = "done";
            entry.ResourceId ??= events[0].Resource?.Id;
        }
    }

    private async Task<Fault?> ReserveAsync(Call call, string id, string requestHash)
    {
        var now = clock.GetUtcNow();
        void End() => _underWay.TryRemove(KeyValuePair.Create(id, call.RequestId));
        call.Http.Response.OnCompleted(() =>
        {
            End();
            return Task.CompletedTask;
        });
        var outcome = await store.Value.ChangeAsync<Found?>(call.Tenant, Origin.System, async db =>
        {
            var found = await FindAsync(db, id, now);
            if (found is { IsAbandoned: false } && found.Entry.CreatedAt > now - KeepFor)
            {
                return Outcome(found);
            }

            // Noted before the entry is committed, or a twin could take it for one that nobody carries out.
            if (_underWay.GetOrAdd(id, call.RequestId) != call.RequestId)
            {
                return IdempotencyFaults.InProgress;
            }

            if (found is not null)
            {
                db.Remove(found.Entry);
                await db.SaveChangesAsync();
            }

            db.Add(new IdempotencyEntry { Id = id, WorkspaceId = call.Tenant.WorkspaceId!, RequestHash = requestHash, Epoch = _epoch, State = "running", CreatedAt = now });
            return Outcome(null);
        }, CancellationToken.None);
        if (outcome.Failed(out var fault))
        {
            return fault == Faults.StorageUnavailable ? fault : IdempotencyFaults.InProgress;
        }

        if (outcome.Value is { } known)
        {
            return Answer(call, known, requestHash, keys.Value);
        }

        call.Origin.IdempotencyId = id;
        call.Idempotency = new IdempotencyHandle(store.Value, keys, call.Tenant, id, _epoch, End);
        return null;
    }

    /// <summary>
    /// The entry as it is, judged once. One that was read unfinished while its request came to its end is read again: now that nobody
    /// carries it out any more, what stands there is final.
    /// </summary>
    private async Task<Found?> FindAsync(Db db, string id, DateTimeOffset now)
    {
        if (await db.Set<IdempotencyEntry>().SingleOrDefaultAsync(e => e.Id == id) is not { } entry)
        {
            return null;
        }

        var isUnderWay = entry.Status is null && IsUnderWay(entry, now);
        if (entry.Status is null && !isUnderWay)
        {
            await db.Entry(entry).ReloadAsync();
            if (db.Entry(entry).State == EntityState.Detached)
            {
                return null;
            }
        }

        return new Found(entry, isUnderWay);
    }

    /// <summary>Whether somebody still carries it out. Of another process only time tells, save that SQLite has no other.</summary>
    private bool IsUnderWay(IdempotencyEntry entry, DateTimeOffset now) => entry.Epoch == _epoch
        ? _underWay.ContainsKey(entry.Id)
        : store.Value.Dialect != "sqlite" && entry.CreatedAt >= now - OwnerIsDeadAfter;

    private static Fault? Answer(Call call, Found found, string requestHash, KeyRing keys)
    {
        var entry = found.Entry;
        if (entry.RequestHash != requestHash)
        {
            return IdempotencyFaults.Conflict;
        }

        // One that does not open was kept under a key that is gone: then only the id is told.
        if (entry is { State: "kept", Answer: { } kept, Status: { } status }
            && keys.TryOpen(KeyScope.Workspace, entry.WorkspaceId, entry.AnswerCell, kept, out var answer))
        {
            call.Replay = (status, answer);
            return null;
        }

        // Between the commit of the change and the keeping of its answer the entry is done without a status: its answer is on the way.
        return entry.State == "running" || found.IsUnderWay ? IdempotencyFaults.InProgress : IdempotencyFaults.AlreadyCreated(entry.ResourceId);
    }

    private static Outcome<Found?> Outcome(Found? found) => found;

    /// <summary>An entry and whether its request was still being carried out when it was read.</summary>
    private sealed record Found(IdempotencyEntry Entry, bool IsUnderWay)
    {
        public bool IsAbandoned => Entry.State == "running" && !IsUnderWay;
    }
}

/// <summary>The entry that the current request has reserved.</summary>
internal sealed class IdempotencyHandle(Store store, Lazy<KeyRing> keys, Tenant tenant, string id, string epoch, Action ended)
{
    /// <summary>Keeps the answer; with a null body (it held a secret) a replay only learns the id.</summary>
    public Task KeepAsync(int status, byte[]? answer) => ChangeAsync(entry =>
    {
        entry.State = answer is null ? "done" : "kept";
        entry.Status = status;
        entry.Answer = answer is null ? null : keys.Value.Seal(KeyScope.Workspace, entry.WorkspaceId, entry.AnswerCell, answer);
    });

    /// <summary>The request was refused and changed nothing: the same key may be used for a mended request.</summary>
    public Task ForgetAsync() => ChangeAsync(null);

    private async Task ChangeAsync(Action<IdempotencyEntry>? change)
    {
        await store.ChangeAsync<bool>(tenant, Origin.System, async db =>
        {
            // Another process that took it over goes on with it: then it is not ours to change.
            if (await db.Set<IdempotencyEntry>().SingleOrDefaultAsync(e => e.Id == id && e.Epoch == epoch) is { } entry)
            {
                if (change is not null)
                {
                    change(entry);
                }
                else if (entry.State == "running")
                {
                    db.Remove(entry);
                }
            }

            return true;
        });
        ended();
    }
}

/// <summary>Keyed hash of requests, so that what is kept of them says nothing by itself.</summary>
public sealed class RequestHasher(byte[] key)
{
    internal string Hash(ReadOnlySpan<byte> data) => Convert.ToHexStringLower(HMACSHA256.HashData(key, data));
}

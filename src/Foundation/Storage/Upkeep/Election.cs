using System.Security.Cryptography;
using Crew.Kernel;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage;

/// <summary>
/// Decides which node does a <see cref="Duty"/>. On SQLite there is one server, so it is this one. On PostgreSQL a node holds a lease
/// of three seconds by the database's clock and renews it every second; when it dies or stands still, another one takes the duty over
/// in a new term within four seconds. A lease by itself would not hold a node back that stood still and goes on, so every change of a
/// duty checks its term in its own transaction, under a lock that the next term has to wait for:
/// <code>
///   leader   renew (term stays)   ─ passes ─┐
///   leader   change: FOR KEY SHARE of its term, work, commit
///   other    take (term + 1)      ─ waits for the change, which PostgreSQL ends when it idles for two seconds
/// </code>
/// </summary>
public sealed class Election
{
    public const int LeaseMilliseconds = 3_000;
    public const int RenewMilliseconds = 1_000;

    /// <summary>The lease by our own monotonic clock ends earlier than the database's: its start was measured before the question.</summary>
    private const int SafeMilliseconds = LeaseMilliseconds - 500;

    private const string Now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

    private const string Fence = """
        SELECT set_config('idle_in_transaction_session_timeout', '2000', true), set_config('lock_timeout', '1500', true)
        """;

    private readonly Store _store;
    private readonly TimeProvider _clock;
    private readonly string _holder = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private readonly string _place = $"{Environment.MachineName}:{Environment.ProcessId}";
    private bool _isListed;
    private volatile Terms _terms = new(0, new Dictionary<string, long>());

    internal Election(Store store, TimeProvider clock) => (_store, _clock) = (store, clock);

    /// <summary>SQLite: nobody else serves this database.</summary>
    private bool IsAlone => _store.Dialect == "sqlite";

    /// <summary>Whether this node does the duty now. A change by <see cref="ChangeAsync"/> is sure of it, this is a hint.</summary>
    public bool Leads(Duty duty) => IsAlone || TermOf(duty) is not null;

    /// <summary>Takes part until it is cancelled, and then lets go, so that another node need not wait for the lease to end.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (IsAlone)
        {
            return;
        }

        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(RenewMilliseconds), _clock);
        try
        {
            do
            {
                await RenewAsync(stop);
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        catch (OperationCanceledException)
        {
            await LetGoAsync();
        }
    }

    /// <summary>Runs a change of a duty, sure that no other node does the duty at the same time.</summary>
    /// <exception cref="NotLeadingException">This node does not do it any more; nothing was written.</exception>
    public Task<Outcome<T>> ChangeAsync<T>(Duty duty, SystemJob job, Func<Db, Task<Outcome<T>>> work, CancellationToken cancel)
    {
        if (IsAlone)
        {
            return _store.ChangeAsync(job, Origin.System, work, cancel);
        }

        var term = TermOf(duty) ?? throw new NotLeadingException(duty);
        return _store.ChangeAsync<T>(job, Origin.System, async db =>
        {
            await db.Database.ExecuteSqlRawAsync(Fence, cancel);
            var held = await db.Database.SqlQuery<long>(
                $"SELECT term AS \"Value\" FROM storage_leaders WHERE duty = {duty.Name} AND holder = {_holder} AND term = {term} FOR KEY SHARE").ToListAsync(cancel);
            return held.Count == 1 ? await work(db) : throw new NotLeadingException(duty);
        }, cancel);
    }

    /// <summary>One round: renews what this node leads and takes what nobody leads. Without an answer the leases run out by themselves.</summary>
    internal async Task RenewAsync(CancellationToken cancel)
    {
        var asked = _clock.GetTimestamp();
        var names = Duty.All.Select(d => d.Name).ToArray();
        var held = await _store.ChangeAsync<List<Held>>(SystemJob.Election, Origin.System, async db =>
        {
            if (!_isListed)
            {
                await db.Database.ExecuteSqlAsync(
                    $"INSERT INTO storage_leaders (duty, holder, place, term, until_at) SELECT d, '', '', 0, 0 FROM unnest({names}) AS d ON CONFLICT DO NOTHING", cancel);
            }

            var mine = await db.Database.SqlQueryRaw<Held>($$"""
                UPDATE storage_leaders SET until_at = {{Now}} + {1} WHERE holder = {0} AND until_at > {{Now}} RETURNING duty AS "Duty", term AS "Term"
                """, _holder, LeaseMilliseconds).ToListAsync(cancel);

            if (mine.Count == names.Length)
            {
                return mine;
            }

            // An end further away than a lease is long is one of a clock that was set back since.
            mine.AddRange(await db.Database.SqlQueryRaw<Held>($$"""
                UPDATE storage_leaders SET holder = {0}, place = {1}, term = term + 1, until_at = {{Now}} + {2}
                WHERE duty IN (SELECT duty FROM storage_leaders WHERE duty = ANY({3}) AND until_at NOT BETWEEN {{Now}} AND {{Now}} + {2} FOR UPDATE SKIP LOCKED)
                RETURNING duty AS "Duty", term AS "Term"
                """, _holder, _place, LeaseMilliseconds, names).ToListAsync(cancel));
            return mine;
        }, cancel);
        if (held.Fault is null)
        {
            _isListed = true;
            _terms = new Terms(asked, held.Value.ToDictionary(h => h.Duty, h => h.Term));
        }
    }

    /// <summary>Who leads what, whoever asks; empty on SQLite.</summary>
    internal Task<List<Leader>> LeadersAsync(CancellationToken cancel) => _store.ReadAsync(SystemJob.Election, db => db.Database.SqlQueryRaw<Leader>(
        $$"""SELECT duty AS "Duty", place AS "Place", term AS "Term", until_at > {{Now}} AS "IsHeld" FROM storage_leaders ORDER BY duty""").ToListAsync(cancel), cancel);

    private async Task LetGoAsync()
    {
        _terms = new Terms(0, new Dictionary<string, long>());
        await _store.ChangeAsync<int>(SystemJob.Election, Origin.System,
            async db => await db.Database.ExecuteSqlAsync($"UPDATE storage_leaders SET until_at = 0 WHERE holder = {_holder}"), CancellationToken.None);
    }

    private long? TermOf(Duty duty)
    {
        var terms = _terms;
        return terms.ByDuty.TryGetValue(duty.Name, out var term) && _clock.GetElapsedTime(terms.Since).TotalMilliseconds < SafeMilliseconds ? term : null;
    }

    private sealed record Held(string Duty, long Term);

    private sealed record Terms(long Since, IReadOnlyDictionary<string, long> ByDuty);
}

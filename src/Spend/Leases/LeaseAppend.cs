using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>
/// The writes of leases. All leases of a budget change under the lock of the budget's row, so that reading the sum and taking the
/// rest is one step, however many processes lease.
/// </summary>
internal static class LeaseAppend
{
    /// <summary>The change feed's hint that unused capacity of a budget is called back. The number in the budget's row is the truth.</summary>
    public const string RecallTopic = "budget-recalls";

    /// <summary>The epoch is locked against being closed; what renews it is not held up. SQLite has one writer, which is the lock.</summary>
    private const string Alive = "SELECT epoch FROM spend_epochs WHERE epoch = @epoch AND ended_at IS NULL";

    private const string LockSqlite = "SELECT amount_nano, recall, @now FROM spend_budgets WHERE id = @budget AND mode = 'strict'";

    private const string LockPostgres = """
        SELECT amount_nano, recall, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)
        FROM spend_budgets WHERE id = @budget AND mode = 'strict' FOR NO KEY UPDATE
        """;

    private const string Others = """
        SELECT CAST(COALESCE(SUM(CASE WHEN id = @lease THEN 0 WHEN leased_nano > settled_nano THEN leased_nano ELSE settled_nano END), 0) AS bigint),
          CAST(COALESCE(SUM(CASE WHEN id = @lease OR closed OR leased_nano <= settled_nano THEN 0 ELSE leased_nano - settled_nano END), 0) AS bigint),
          CAST(COALESCE(SUM(CASE WHEN id = @lease AND closed THEN 1 ELSE 0 END), 0) AS bigint)
        FROM spend_leases WHERE budget_id = @budget AND window_start = @start
        """;

    /// <summary>One way to the database and back. Each statement sees what was committed when the one before it had its lock.</summary>
    private const string ViewSqlite = Alive + ";" + LockSqlite + ";" + Others;

    private const string ViewPostgres = Alive + " FOR KEY SHARE;" + LockPostgres + ";" + Others;

    private const string Holders = """
        SELECT l.id AS "LeaseId", l.leased_nano AS "Leased", l.settled_nano AS "Settled", l.answered AS "Answered", l.floor_nano AS "Floor",
          e.renewed_at AS "SeenMs"
        FROM spend_leases l JOIN spend_epochs e ON e.epoch = l.epoch
        WHERE l.budget_id = {0} AND l.window_start = {1} AND l.id <> {2} AND NOT l.closed AND l.leased_nano > l.settled_nano
        """;

    private const string Lost = "SELECT leased_nano - settled_nano AS nano FROM spend_leases WHERE budget_id = {0} AND closed AND leased_nano > settled_nano";

    private const string SumSqlite = $"""SELECT CAST(COALESCE(SUM(nano), 0) AS bigint) AS "Value" FROM ({Lost}) lost""";

    /// <summary>Who releases at the same time waits here, and finds nothing left.</summary>
    private const string SumPostgres = $"""SELECT CAST(COALESCE(SUM(nano), 0) AS bigint) AS "Value" FROM ({Lost} ORDER BY id FOR UPDATE) lost""";

    /// <summary>Decides and writes a batch; everything in it becomes durable together.</summary>
    public static async Task<Outcome<bool>> ExtendAsync(Db db, bool sqlite, long epoch, IReadOnlyList<LeaseExtension> batch, Peers peers, long nowMs)
    {
        // Always in the same order, or two processes that extend the same budgets would wait for each other.
        foreach (var extension in batch.OrderBy(e => e.Allowance.Terms.Id, StringComparer.Ordinal).ThenBy(e => e.Allowance.Span.StartMs))
        {
            await DecideAsync(db, sqlite, epoch, extension, peers, nowMs);
            await WriteAsync(db, epoch, extension, nowMs);
        }

        return true;
    }

    /// <summary>Closes the leases of processes that are dead: what they leased and nobody settled counts as lost from now on.</summary>
    public static async Task<Outcome<bool>> CloseDeadAsync(Db db, bool sqlite, IReadOnlyList<OtherEpoch> dead, long nowMs)
    {
        var silent = "SELECT epoch AS \"Value\" FROM spend_epochs WHERE epoch = {0} AND renewed_at = {1} AND ended_at IS NULL" + (sqlite ? "" : " FOR UPDATE");
        foreach (var other in dead)
        {
            // The lock waits for an extension that is being written; a process that has reported meanwhile is not dead.
            if ((await db.Database.SqlQueryRaw<long>(silent, other.Epoch, other.SeenMs).ToListAsync()).Count > 0)
            {
                await db.Database.ExecuteSqlAsync($"UPDATE spend_epochs SET ended_at = {nowMs} WHERE epoch = {other.Epoch}");
            }
        }

        await db.Database.ExecuteSqlAsync($"""
            UPDATE spend_leases SET closed = {true}
            WHERE NOT closed AND epoch IN (SELECT e.epoch FROM spend_epochs e WHERE e.ended_at IS NOT NULL)
            """);
        return true;
    }

    /// <summary>The numbers of the last recalls of some budgets.</summary>
    public static async Task<Dictionary<string, long>> RecallsAsync(Db db, IReadOnlyList<string> budgetIds, CancellationToken cancel) =>
        await db.Set<Budget>().AsNoTracking().Where(b => budgetIds.Contains(b.Id)).ToDictionaryAsync(b => b.Id, b => b.Recall, cancel);

    /// <summary>Gives lost capacity of a budget back; returns how much.</summary>
    public static async Task<long> ReleaseLostAsync(Db db, bool sqlite, string budgetId)
    {
        var lost = await db.Database.SqlQueryRaw<long>(sqlite ? SumSqlite : SumPostgres, budgetId).ToListAsync();
        await db.Database.ExecuteSqlAsync($"""
            UPDATE spend_leases SET leased_nano = settled_nano WHERE budget_id = {budgetId} AND closed AND leased_nano > settled_nano
            """);
        return lost.Single();
    }

    private static async Task DecideAsync(Db db, bool sqlite, long epoch, LeaseExtension extension, Peers peers, long nowMs)
    {
        var allowance = extension.Allowance;
        var (budgetId, windowStart) = (allowance.Terms.Id, allowance.Span.StartMs);
        extension.Decide(await ViewAsync(db, sqlite, epoch, allowance, nowMs));
        if (!extension.IsShort)
        {
            return;
        }

        extension.Judge(await db.Database.SqlQueryRaw<LeaseHolder>(Holders, budgetId, windowStart, allowance.LeaseId).ToListAsync(), peers);
        if (extension.Verdict == RecallVerdict.Ask)
        {
            await db.Database.ExecuteSqlAsync($"UPDATE spend_budgets SET recall = {extension.AskNumber} WHERE id = {budgetId}");
        }
    }

    /// <summary>
    /// A closed lease is not opened again, and only ever gives back: its process was taken for dead, came back, and knows what it did
    /// not use.
    /// </summary>
    private static Task WriteAsync(Db db, long epoch, LeaseExtension extension, long nowMs)
    {
        var allowance = extension.Allowance;
        var (answered, floor) = (Math.Max(extension.Answers, extension.AnsweredAtLeast), extension.Answers > 0 ? extension.Floor : 0);
        var closes = extension.Closes || extension.IsEpochOver;
        return db.Database.ExecuteSqlAsync($"""
            INSERT INTO spend_leases
              (id, organization_id, workspace_id, budget_id, window_start, epoch, leased_nano, settled_nano, closed, opened_at, answered, floor_nano)
            VALUES ({allowance.LeaseId}, {allowance.Terms.OrganizationId}, {allowance.Terms.Subject.WorkspaceId}, {allowance.Terms.Id},
              {allowance.Span.StartMs}, {epoch}, {extension.Leased}, 0, {closes}, {nowMs}, {answered}, 0)
            ON CONFLICT (id) DO UPDATE SET
              leased_nano = CASE WHEN spend_leases.closed AND spend_leases.leased_nano < excluded.leased_nano
                THEN spend_leases.leased_nano ELSE excluded.leased_nano END,
              closed = spend_leases.closed OR excluded.closed,
              answered = CASE WHEN {extension.Answers} > spend_leases.answered THEN {extension.Answers} ELSE spend_leases.answered END,
              floor_nano = CASE WHEN {extension.Answers} > spend_leases.answered THEN {floor} ELSE spend_leases.floor_nano END
            """);
    }

    private static async Task<LeaseView> ViewAsync(Db db, bool sqlite, long epoch, Allowance allowance, long nowMs)
    {
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = sqlite ? ViewSqlite : ViewPostgres;
        Add("@epoch", epoch);
        Add("@budget", allowance.Terms.Id);
        Add("@start", allowance.Span.StartMs);
        Add("@lease", allowance.LeaseId);
        if (sqlite)
        {
            Add("@now", nowMs);
        }

        await using var reader = await command.ExecuteReaderAsync();
        var isAlive = await reader.ReadAsync();
        await reader.NextResultAsync();
        var (amount, recall, now) = await reader.ReadAsync() ? (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2)) : (0, 0, long.MaxValue);
        await reader.NextResultAsync();
        await reader.ReadAsync();
        return new LeaseView(amount, reader.GetInt64(0), reader.GetInt64(1), recall, now, !isAlive, reader.GetInt64(2) > 0);

        void Add(string name, object value)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }
    }
}

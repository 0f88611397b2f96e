using System.Data.Common;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>A row of the ledger, as it lies in the database.</summary>
internal sealed record LedgerRow(string RequestId, int Number, long CostNano, string Provenance, string Model, string LeaseIds);

/// <summary>
/// Holds the database of a server against what its clients were told and against the provider's own bill. It reads the tables by itself,
/// past the product, so that a fault of the product's reading cannot hide one of its writing.
/// </summary>
internal sealed class Auditor(Func<DbConnection> connect)
{
    public async Task HoldAsync(Acknowledged told, MockBooks books)
    {
        await books.QuietAsync(TimeSpan.FromSeconds(30));
        await LeavesAreWholeAsync();
        var rows = await LedgerAsync();
        NothingIsDoubled(rows);
        AnswersAreRecorded(told, rows);
        LedgerIsTheBill(rows, books);
        await UsesAreRecordedAsync(told);
        await ChangesAreRecordedAsync(told);
        await CountersAreTheLedgerAsync(rows, books);
    }

    /// <summary>The same beside a server that runs and may still owe settlements: within ten seconds it must hold.</summary>
    public async Task HoldSoonAsync(Acknowledged told, MockBooks books)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await HoldAsync(told, books);
                return;
            }
            catch (ShouldAssertException) when (tries < 20)
            {
                await Task.Delay(500);
            }
        }
    }

    public Task<List<LedgerRow>> LedgerAsync() => ReadAsync(
        "SELECT request_id, attempt, cost_nano, provenance, model, lease_ids FROM spend_attempts",
        row => new LedgerRow(row.GetString(0), Convert.ToInt32(row.GetValue(1)), row.GetInt64(2), row.GetString(3), row.GetString(4), row.GetString(5)));

    /// <summary>Every log counts 1, 2, 3 … without a hole, and every record has its number; on PostgreSQL shortly after its commit.</summary>
    public async Task LeavesAreWholeAsync()
    {
        for (var tries = 0; ; tries++)
        {
            var missing = (await ReadAsync(
                "SELECT count(*) FROM audit_records r LEFT JOIN audit_leaves l ON l.record_id = r.id WHERE l.record_id IS NULL", row => row.GetInt64(0))).Single();
            if (missing == 0)
            {
                break;
            }

            tries.ShouldBeLessThan(200, $"{missing} records have no number");
            await Task.Delay(100);
        }

        var logs = await ReadAsync("SELECT log_id, count(*), min(sequence), max(sequence) FROM audit_leaves GROUP BY log_id",
            row => (Log: row.GetString(0), Count: row.GetInt64(1), First: row.GetInt64(2), Last: row.GetInt64(3)));
        logs.ShouldNotBeEmpty();
        logs.Where(log => log.First != 1 || log.Last != log.Count).ShouldBeEmpty("logs with holes");
    }

    private static void NothingIsDoubled(List<LedgerRow> rows) =>
        rows.GroupBy(row => (row.RequestId, row.Number)).Where(attempt => attempt.Count() > 1).Select(attempt => attempt.Key).ShouldBeEmpty("settled twice");

    private static void AnswersAreRecorded(Acknowledged told, List<LedgerRow> rows)
    {
        var byRequest = rows.ToLookup(row => row.RequestId);
        told.Answers.Where(answer => byRequest[answer.Key].Select(row => (row.CostNano, row.Provenance)).SequenceEqual([(answer.Value, "exact")]) is false)
            .Select(answer => $"{answer.Key} {answer.Value}: {string.Join(", ", byRequest[answer.Key])}").ShouldBeEmpty("acknowledged and not recorded as told");
    }

    /// <summary>Each row that claims to be exact has a bill of that amount of its own. The reverse fails only for calls that died with the process.</summary>
    private static void LedgerIsTheBill(List<LedgerRow> rows, MockBooks books)
    {
        var billed = books.Bills.GroupBy(bill => bill.NanoUsd).ToDictionary(amount => amount.Key, amount => amount.Count());
        rows.Where(row => row is { Provenance: "exact", CostNano: > 0 }).GroupBy(row => row.CostNano)
            .Where(amount => amount.Count() > billed.GetValueOrDefault(amount.Key)).Select(amount => amount.First()).ShouldBeEmpty("in the ledger and not on the bill");
    }

    private async Task UsesAreRecordedAsync(Acknowledged told)
    {
        var used = (await ReadAsync("SELECT request_id FROM audit_records WHERE event_type = 'api_key.used' AND request_id IS NOT NULL", row => row.GetString(0)))
            .GroupBy(id => id).ToDictionary(id => id.Key, id => id.Count());
        used.Where(request => request.Value > 1).ShouldBeEmpty("uses recorded twice");
        told.Answers.Keys.Concat(told.Begun).Where(id => !used.ContainsKey(id)).ShouldBeEmpty("served without a record of the use");
    }

    private async Task ChangesAreRecordedAsync(Acknowledged told)
    {
        var events = (await ReadAsync("SELECT event_type, resource_id FROM audit_records WHERE resource_type = 'api_key' AND resource_id IS NOT NULL",
            row => (row.GetString(0), row.GetString(1)))).GroupBy(change => change).ToDictionary(change => change.Key, change => change.Count());
        var keys = (await ReadAsync("SELECT id, revoked_at, rolled_to_id FROM keys_api_keys",
            row => (Id: row.GetString(0), IsRevoked: !row.IsDBNull(1), IsRolled: !row.IsDBNull(2)))).ToDictionary(key => key.Id);
        told.MadeKeys.Where(id => !keys.ContainsKey(id) || events.GetValueOrDefault(("api_key.created", id)) != 1).ShouldBeEmpty("made and not recorded once");
        told.RolledKeys.Where(id => !keys[id].IsRolled || events.GetValueOrDefault(("api_key.rolled", id)) != 1).ShouldBeEmpty("rolled and not recorded once");
        told.RevokedKeys.Where(id => !keys[id].IsRevoked || events.GetValueOrDefault(("api_key.revoked", id)) != 1).ShouldBeEmpty("revoked and not recorded once");
    }

    /// <summary>
    /// The sums that enforce budgets are the fold of the ledger, leased capacity covers the whole bill, also what died unrecorded, and no
    /// budget has given out more than its amount.
    /// </summary>
    private async Task CountersAreTheLedgerAsync(List<LedgerRow> rows, MockBooks books)
    {
        var fold = rows.SelectMany(row => row.LeaseIds.Split(' ', StringSplitOptions.RemoveEmptyEntries), (row, lease) => (lease, row.CostNano))
            .GroupBy(cost => cost.lease).ToDictionary(lease => lease.Key, lease => lease.Sum(cost => cost.CostNano));
        var leases = await ReadAsync("SELECT l.id, l.budget_id, l.leased_nano, l.settled_nano, b.amount_nano, b.level FROM spend_leases l JOIN spend_budgets b ON b.id = l.budget_id",
            row => (Id: row.GetString(0), Budget: row.GetString(1), Leased: row.GetInt64(2), Settled: row.GetInt64(3), Amount: row.GetInt64(4), Level: row.GetString(5)));
        leases.Where(lease => lease.Settled != fold.GetValueOrDefault(lease.Id)).ShouldBeEmpty("counters that differ from the ledger");
        foreach (var budget in leases.GroupBy(lease => (lease.Budget, lease.Amount, lease.Level)))
        {
            var counted = budget.Sum(lease => Math.Max(lease.Leased, lease.Settled));
            counted.ShouldBeLessThanOrEqualTo(budget.Key.Amount, budget.Key.Level);
            books.Bills.Where(bill => budget.Key.Level == "workspace" || bill.Model == KillLoad.TightModel).Sum(bill => bill.NanoUsd)
                .ShouldBeLessThanOrEqualTo(counted, $"billed and not covered by the {budget.Key.Level} budget");
        }
    }

    private async Task<List<T>> ReadAsync<T>(string sql, Func<DbDataReader, T> read)
    {
        await using var connection = connect();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
        {
            rows.Add(read(reader));
        }

        return rows;
    }
}

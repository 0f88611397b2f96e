using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend.Tests.Simulation;

/// <summary>What the simulation takes for the database decides as the SQL does, on both databases.</summary>
public sealed class LeaseBankTests
{
    private const int Steps = 250;
    private readonly Random _random = new(20_261_125);
    private readonly Dictionary<string, Allowance> _allowances = [];
    private readonly TimeProvider _clock = TimeProvider.System;

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task The_simulated_database_decides_as_the_real_one_does(string dialect)
    {
        await using var spend = await StoredSpend.OpenAsync(dialect);
        var bank = new LeaseBank { NowMs = () => Now };
        var terms = await TermsAsync(spend, bank);
        for (var epoch = 1; epoch <= 3; epoch++)
        {
            (await ChangeAsync(spend, db => EpochAppend.BeginAsync(db, dialect == "sqlite", Now))).ShouldBe(epoch);
            bank.Begin(epoch, Now);
        }

        for (var step = 0; step < Steps; step++)
        {
            switch (_random.Next(12))
            {
                case 0 when bank.Rows.Count > 0:
                    await SettleAsync(spend, bank);
                    break;
                case 1:
                    await AgeAsync(spend, bank);
                    break;
                case 2 when step > Steps / 2:
                    await CloseAsync(spend, bank, dialect == "sqlite");
                    break;
                case 3:
                    var released = terms[_random.Next(terms.Length)].Id;
                    await ChangeAsync<long>(spend, async db => await LeaseAppend.ReleaseLostAsync(db, dialect == "sqlite", released));
                    bank.ReleaseLost(released);
                    break;
                default:
                    await ExtendAsync(spend, bank, terms[_random.Next(terms.Length)], dialect == "sqlite");
                    break;
            }

            await CompareAsync(spend, bank, step);
        }
    }

    private long Now => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    private static async Task<BudgetTerms[]> TermsAsync(StoredSpend spend, LeaseBank bank)
    {
        BudgetTerms[] made =
        [
            Given.Budget("", BudgetSubject.Workspace(Given.Workspace), 1_000, BudgetWindow.Total),
            Given.Budget("", BudgetSubject.Key(Given.Workspace, "key_1"), 400, BudgetWindow.Month),
            Given.Budget("", BudgetSubject.Key(Given.Workspace, "key_2"), 400, BudgetWindow.Total, strict: false),
        ];
        for (var i = 0; i < made.Length; i++)
        {
            var id = await spend.AddAsync(made[i].Subject, made[i].AmountNano, made[i].Window, made[i].IsStrict ? "strict" : "tracking");
            bank.Budgets[id] = made[i] = made[i] with { Id = id };
        }

        return made;
    }

    private async Task ExtendAsync(StoredSpend spend, LeaseBank bank, BudgetTerms terms, bool sqlite)
    {
        var epoch = _random.Next(1, 4);
        var isAhead = terms.Window == BudgetWindow.Month && _random.Next(4) == 0;
        var leaseId = $"{epoch}.{terms.Id}.{_random.Next(2)}{(isAhead ? "a" : "")}";
        if (!_allowances.TryGetValue(leaseId, out var allowance))
        {
            var ledger = new Contracts.Ledger(new LeaseDesk(bank.WriteAsync, new SpendOptions(), _clock), new SpendOptions(), _clock);
            var at = isAhead ? _clock.GetUtcNow().AddDays(32) : _clock.GetUtcNow();
            _allowances[leaseId] = allowance = new Allowance(leaseId, terms, terms.Window.At(at.ToUnixTimeMilliseconds()), ledger.BookOf(Given.Organization));
        }

        var (simulated, real) = Twins(allowance, bank.Recalls.GetValueOrDefault(terms.Id));
        var (peersA, peersB) = (new Peers(_clock), new Peers(_clock));
        bank.Write(epoch, simulated, peersA);
        await ChangeAsync(spend, db => LeaseAppend.ExtendAsync(db, sqlite, epoch, [real], peersB, Now));
        Summary(real).ShouldBe(Summary(simulated));
    }

    /// <summary>The same extension twice, for each database one.</summary>
    private (LeaseExtension Simulated, LeaseExtension Real) Twins(Allowance allowance, long recall)
    {
        var (kept, asked, smallest) = (_random.Next(120), _random.Next(3) == 0 ? 0 : _random.Next(200), _random.Next(1, 120));
        var (preferred, closes, answers, floor) = (_random.Next(100), _random.Next(12) == 0, _random.Next(2) * recall, _random.Next(kept + 1));
        var past = _clock.GetTimestamp() - (_random.Next(3) == 0 ? 20 * _clock.TimestampFrequency : 0);
        var round = recall > 0 && _random.Next(2) == 0 ? new RecallRound(_random.Next((int)recall) + 1, past) : null;
        return (Make(), Make());

        LeaseExtension Make() => new(allowance, 0, 0, [], past)
        {
            Base = kept,
            Deficit = asked,
            Smallest = Math.Min(asked, smallest),
            Preferred = preferred,
            Asked = (asked, Math.Min(asked, smallest), past),
            Closes = closes,
            Answers = answers,
            Floor = floor,
            Round = round,
            UsedSinceAsked = floor,
        };
    }

    private async Task SettleAsync(StoredSpend spend, LeaseBank bank)
    {
        var row = bank.Rows.Values.ElementAt(_random.Next(bank.Rows.Count));
        var work = new AppendWork();
        work.Counters.Add(new CounterDelta(LeaseTable.Settled, row.Id, _random.Next(60)));
        bank.Flush(work);
        await spend.FlushAsync(work);
    }

    /// <summary>Some node is silent, another one is not.</summary>
    private async Task AgeAsync(StoredSpend spend, LeaseBank bank)
    {
        var (epoch, seen) = (_random.Next(1, 4), Now - (_random.Next(2) * 60_000));
        bank.Epochs[epoch].SeenMs = seen;
        await ChangeAsync<int>(spend, async db =>
            await db.Database.ExecuteSqlAsync($"UPDATE spend_epochs SET renewed_at = {seen} WHERE epoch = {(long)epoch}"));
    }

    private async Task CloseAsync(StoredSpend spend, LeaseBank bank, bool sqlite)
    {
        var epoch = _random.Next(1, 3);
        if (!bank.Epochs[epoch].IsOver)
        {
            var seen = (await spend.Store.ReadAsync(SystemJob.SpendLeases, db => db.Set<ProcessEpoch>().SingleAsync(e => e.Epoch == epoch))).RenewedAt;
            await ChangeAsync(spend, db => LeaseAppend.CloseDeadAsync(db, sqlite, [new OtherEpoch(epoch, seen.ToUnixTimeMilliseconds())], Now));
            bank.Close(epoch, epoch);
        }
    }

    private static async Task CompareAsync(StoredSpend spend, LeaseBank bank, int step)
    {
        var real = (await spend.LeasesAsync()).Select(l => (l.Id, l.LeasedNano, l.SettledNano, l.Closed, l.Answered, l.FloorNano)).OrderBy(l => l.Id, StringComparer.Ordinal);
        var simulated = bank.Rows.Values.Select(r => (r.Id, r.Leased, r.Settled, r.Closed, r.Answered, r.Floor)).OrderBy(r => r.Id, StringComparer.Ordinal);
        real.ShouldBe(simulated, $"step {step}");
        var recalls = await spend.Store.ReadAsync(SystemJob.SpendLeases, db => db.Set<Budget>().ToDictionaryAsync(b => b.Id, b => b.Recall));
        recalls.ShouldAllBe(r => r.Value == bank.Recalls.GetValueOrDefault(r.Key), $"step {step}");
    }

    private static object Summary(LeaseExtension e) => (e.Leased, e.Headroom, e.Recallable, e.TakenByOthers, e.Verdict, e.AskNumber, e.IsPutOff, e.IsOver, e.IsEpochOver);

    private static async Task<T> ChangeAsync<T>(StoredSpend spend, Func<Db, Task<Outcome<T>>> change) =>
        (await spend.Store.ChangeAsync(SystemJob.SpendLeases, Origin.System, change)).Value;
}

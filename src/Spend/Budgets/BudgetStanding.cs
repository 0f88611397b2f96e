using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Spend;

/// <summary>How a budget stands in its current window, in nano-USD.</summary>
/// <param name="Held">Held now by requests under way, and leased by other processes.</param>
/// <param name="Lost">Sent and never settled, here or in processes that died.</param>
internal sealed record BudgetStanding(BudgetTerms Terms, WindowSpan Span, long Settled, long Held, long Lost)
{
    /// <summary>Negative is debt.</summary>
    public long Left => Terms.AmountNano - Settled - Held - Lost;

    public bool IsBlocked => Terms.IsStrict && Left <= 0;

    /// <summary>How some budgets stand, in the order given.</summary>
    public static async Task<List<BudgetStanding>> OfAsync(Db db, Ledger ledger, IReadOnlyList<BudgetTerms> budgets, CancellationToken cancel)
    {
        var nowMs = ledger.Desk.Time.NowMs;
        var ids = budgets.Select(t => t.Id).ToList();
        var starts = budgets.Select(t => t.Window.At(nowMs).StartMs).Distinct().ToList();
        var leases = await db.Set<Lease>().AsNoTracking().Where(l => ids.Contains(l.BudgetId) && starts.Contains(l.WindowStart)).ToListAsync(cancel);
        return [.. budgets.Select(t => Of(t, nowMs, leases, ledger.BookOf(t.OrganizationId).StateOf(t.Id)))];
    }

    /// <summary>
    /// Adds up the leases of the window. Of this process's own lease the memory knows more than the row: what is held now, and
    /// what has settled since the last flush.
    /// </summary>
    public static BudgetStanding Of(BudgetTerms terms, long nowMs, IEnumerable<Lease> leases, AllowanceState? own)
    {
        var span = terms.Window.At(nowMs);
        var (settled, held, lost) = own is not null && own.Span == span ? (own.Settled, own.Held, own.Unknown) : (0L, 0L, 0L);
        foreach (var lease in leases.Where(l => l.BudgetId == terms.Id && l.WindowStart == span.StartMs && l.Id != own?.LeaseId))
        {
            var open = Math.Max(0, lease.LeasedNano - lease.SettledNano);
            settled += lease.SettledNano;
            held += lease.Closed ? 0 : open;
            lost += lease.Closed ? open : 0;
        }

        return new BudgetStanding(terms, span, settled, held, lost);
    }
}

/// <summary>One level of a chain as <c>explain</c> shows it.</summary>
internal sealed record LevelAnswer(string Level, bool Blocked, DateTimeOffset? ResetsAt)
{
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public FiguresAnswer? Budget { get; init; }

    public static LevelAnswer Named(BudgetStanding standing) => Unnamed(standing.Terms.Subject.LevelName, [standing]) with
    {
        Budget = FiguresAnswer.Of(standing),
    };

    /// <summary>Levels that the caller may not see: only that they block, and until when.</summary>
    public static LevelAnswer Unnamed(string level, IReadOnlyList<BudgetStanding> standings)
    {
        var blocking = standings.Where(s => s.IsBlocked).ToList();
        var spans = (blocking.Count > 0 ? blocking : standings).Select(s => s.Span);
        return new LevelAnswer(level, blocking.Count > 0, spans.MaxBy(s => s.EndMs).ResetsAt);
    }
}

/// <summary>The figures of one budget in its current window.</summary>
internal sealed record FiguresAnswer(
    string Id, string Scope, string Window, string Mode, bool ClampOutput, NanoUsd AmountUsd, NanoUsd SettledUsd, NanoUsd HeldUsd, NanoUsd LostUsd,
    NanoUsd FreeUsd, NanoUsd DebtUsd)
{
    public static FiguresAnswer Of(BudgetStanding standing)
    {
        var terms = standing.Terms;
        return new FiguresAnswer(
            terms.Id, terms.Subject.ToString(), terms.Window.ToName(), terms.IsStrict ? Budget.Strict : Budget.Tracking, terms.ClampsOutput,
            new NanoUsd(terms.AmountNano), new NanoUsd(standing.Settled), new NanoUsd(standing.Held), new NanoUsd(standing.Lost),
            new NanoUsd(Math.Max(0, standing.Left)), new NanoUsd(Math.Max(0, -standing.Left)));
    }
}

using Crew.Bench.Load;
using Crew.Kernel;
using Crew.Spend;
using Crew.Spend.Contracts;
using Crew.Storage;

namespace Crew.Bench.Micro;

/// <summary>
/// One hold over four strict budgets (organization, workspace, crew, key) and its settlement, on two threads with one hot
/// organization. Leases are granted at once; the flush is not part of it.
/// </summary>
internal static class HoldAndSettle
{
    private const long Cap = 1_000_000_000_000_000;

    public static Histogram Measure()
    {
        var clock = TimeProvider.System;
        using var stop = new CancellationTokenSource();
        var desk = new LeaseDesk(Grant, new SpendOptions(), clock);
        var ledger = new Ledger(desk, new SpendOptions(), clock);
        desk.Open(1);
        foreach (var subject in new[] { BudgetSubject.Organization("org_1"), BudgetSubject.Workspace("ws_1"), BudgetSubject.Crew("ws_1", "crew_1"), BudgetSubject.Key("ws_1", "key_1") })
        {
            ledger.Put(new BudgetTerms($"bud_{subject.Level}", "org_1", subject, Cap, BudgetWindow.Total, true, false));
        }

        var running = Task.Run(() => desk.RunAsync(stop.Token));
        var caller = new Caller { Actor = new Actor("api_key", "key_1"), OrganizationId = "org_1", WorkspaceId = "ws_1", Permissions = Permissions.All, LineageId = "key_1" };
        var scope = ledger.ScopeOf(caller, "crew_1", "ws_1");
        var histogram = MicroBench.Measure(_ => () => Once(ledger, scope, clock), threads: 2);
        stop.Cancel();
        running.Wait(TimeSpan.FromSeconds(5));
        return histogram;
    }

    private static Task Grant(long epoch, IReadOnlyList<LeaseExtension> batch, Peers peers, CancellationToken cancel)
    {
        foreach (var extension in batch)
        {
            extension.Decide(Cap, 0);
            extension.IsDurable = true;
        }

        return Task.CompletedTask;
    }

    private static void Once(Ledger ledger, SpendScope scope, TimeProvider clock)
    {
        var held = ledger.HoldAsync(scope, new HoldRequest(new NanoUsd(10_000), NanoUsd.Zero, 0, true), CancellationToken.None);
        var outcome = held.IsCompletedSuccessfully ? held.Result : held.AsTask().GetAwaiter().GetResult();
        using var hold = outcome.Value;
        hold.Settle(new Attempt
        {
            At = clock.GetUtcNow(),
            OrganizationId = "org_1",
            WorkspaceId = "ws_1",
            RequestId = "req_1",
            Number = 1,
            Model = "crew-sandbox-echo",
            Endpoint = "/v1/chat/completions",
            Cost = new NanoUsd(5_000),
            Provenance = Provenance.Exact,
            Status = 200,
            Outcome = "success",
        }, new AppendWork());
    }
}

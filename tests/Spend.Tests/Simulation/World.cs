using Crew.Storage;

namespace Crew.Spend.Tests.Simulation;

/// <summary>
/// Nodes, a database and a provider in simulated time. Everything that happens follows from the seed: delays, losses, doubled
/// messages, wrong clocks, stops, crashes, cut-off nodes, changed amounts, the turn of a window.
/// </summary>
internal sealed class World
{
    public const int DeadAfterSeconds = 4;
    private const int HoldWaitMilliseconds = 2_000;
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly Dictionary<(string BudgetId, long Start), long> _used = [];
    private readonly Dictionary<string, long> _largest = [];
    private readonly List<SimulatedRequest> _undecided = [];
    private readonly DateTimeOffset _start;
    private long _order;
    private int _pendingFlushes;

    public World(int seed)
    {
        Random = new Random(seed);
        IsCalm = seed % 2 == 0;
        _start = new DateTimeOffset(2026, 11, 4, 23, 59, 55, TimeSpan.Zero).AddSeconds(Random.Next(8));
        Bank = new LeaseBank { NowMs = () => DatabaseMs };
    }

    public Random Random { get; }

    /// <summary>Nothing is lost, nobody stops, answers come within a few milliseconds: then no refusal may be false.</summary>
    public bool IsCalm { get; }

    /// <summary>From here on nothing is lost any more.</summary>
    public bool IsHealed { get; set; }

    /// <summary>What was dropped open and so stays taken, by lease.</summary>
    public Dictionary<string, long> Dropped { get; } = [];

    public LeaseBank Bank { get; }

    public List<SimulatedNode> Nodes { get; } = [];

    public long Ticks { get; private set; } = TimeSpan.TicksPerDay;

    public DateTimeOffset Now => _start.AddTicks(Ticks - TimeSpan.TicksPerDay);

    public long DatabaseMs => Now.ToUnixTimeMilliseconds();

    public int GrantedCount { get; private set; }

    public int RefusedCount { get; private set; }

    public int UnavailableCount { get; private set; }

    public int CalmRefusals { get; private set; }

    /// <summary>Decided after more than a quarter of a second.</summary>
    public int LateRefusals { get; private set; }

    public List<string>? Log { get; init; }

    public void Note(string what) => Log?.Add($"{(Ticks - TimeSpan.TicksPerDay) / 10_000.0,10:0.000} {what}");

    public TimeSpan Delay() => TimeSpan.FromTicks(IsCalm || IsHealed || Random.Next(8) > 0 ? Random.Next(1_000, 40_000) : Random.Next(1_000, 2_000_000));

    /// <summary>Something on a node: not while it is stopped, never once it is dead.</summary>
    public void After(SimulatedNode node, TimeSpan delay, Action what) => _events.Enqueue(() =>
    {
        if (!node.IsDead && node.StoppedUntil > Ticks)
        {
            After(node, TimeSpan.FromTicks(node.StoppedUntil - Ticks), what);
        }
        else if (!node.IsDead)
        {
            what();
        }
    }, (Ticks + delay.Ticks, _order++));

    /// <summary>Something that no node can hold up.</summary>
    public void Later(TimeSpan delay, params Action[] what) => _events.Enqueue(() => Array.ForEach(what, w => w()), (Ticks + delay.Ticks, _order++));

    /// <summary>A transaction: the way there, the commit, the way back. Whoever hears nothing takes it for failed, though it may have committed.</summary>
    public void Transact(SimulatedNode node, Action commit, Action<bool> answered)
    {
        var (isLost, isUnheard) = (node.IsCutOff || Loses(), Loses());
        if (isLost)
        {
            After(node, TimeSpan.FromMilliseconds(60), () => answered(false));
            return;
        }

        Later(Delay(), commit, () => After(node, isUnheard ? TimeSpan.FromMilliseconds(60) : Delay(), () => answered(!isUnheard)));
    }

    /// <summary>The change feed: a hint to every node, or its poll a fifth of a second later.</summary>
    public void Announce(Action<SimulatedNode> follow)
    {
        foreach (var node in Nodes)
        {
            for (var copies = Loses() ? 2 : 1; copies > 0; copies--)
            {
                After(node, Loses() ? TimeSpan.FromMilliseconds(200) : Delay(), () => follow(node));
            }
        }
    }

    public void Put(BudgetTerms terms)
    {
        _largest[terms.Id] = Math.Max(terms.AmountNano, _largest.GetValueOrDefault(terms.Id));
        Bank.Budgets[terms.Id] = terms;
        Note($"{terms.Id} is {terms.AmountNano}");
        NoteFree();
        Announce(node => node.Ledger.Put(terms));
    }

    public void Arrive(SimulatedNode node, string key, long amount, long cost, TimeSpan takes)
    {
        var request = new SimulatedRequest
        {
            Scope = node.Ledger.ScopeOf(Given.Key(key), null, Given.Workspace),
            Amount = amount,
            Cost = cost,
            Takes = takes,
            Since = Ticks,
        };
        _undecided.Add(request);
        NoteFree();
        node.Try(request);
        After(node, TimeSpan.FromMilliseconds(HoldWaitMilliseconds), () =>
        {
            if (!request.IsDecided)
            {
                Decide(request);
                node.Waiting.Remove(request);
                UnavailableCount++;
                Note($"node {Nodes.IndexOf(node)} is unavailable for {request.Amount}");
            }
        });
    }

    public void Granted(SimulatedNode node, SimulatedRequest request)
    {
        Decide(request);
        GrantedCount++;
        node.Open.Add(request);
        Note($"node {Nodes.IndexOf(node)} holds {request.Amount} of {request.Hold!.Chain.LeaseIds}");
        Use(request, request.Amount);
        foreach (var allowance in request.Hold.Chain.Allowances)
        {
            allowance.Span.StartMs.ShouldBeLessThanOrEqualTo(DatabaseMs, "a window was opened before its time");
            (DatabaseMs - allowance.Span.EndMs).ShouldBeLessThan(1_000, "a window was used after its time");
        }

        var how = Random.Next(12);
        After(node, request.Takes, () => End(node, request, how));
    }

    public void Refused(SimulatedRequest request, Allowance blocking)
    {
        // A window may have turned since anything else happened.
        NoteFree();
        Decide(request);
        RefusedCount++;
        var least = request.LeastFree.GetValueOrDefault((blocking.Terms.Id, blocking.Span.StartMs), long.MaxValue);
        Note($"refused {request.Amount} by {blocking.Terms.Id}, at least {least} was free, after {(Ticks - request.Since) / 10_000.0} ms");
        if (IsCalm)
        {
            least.ShouldBeLessThan(request.Amount, "at every instant since it came it would have fitted");
            (CalmRefusals, LateRefusals) = (CalmRefusals + 1, LateRefusals + (Ticks - request.Since > TimeSpan.TicksPerMillisecond * 250 ? 1 : 0));
        }
    }

    /// <summary>The node is gone with all that it held; the provider bills what was sent.</summary>
    public void Crash(SimulatedNode node)
    {
        Note($"node {Nodes.IndexOf(node)} crashes");
        node.IsDead = true;
        foreach (var request in node.Waiting)
        {
            Decide(request);
        }
    }

    public void RunUntil(TimeSpan offset)
    {
        var end = TimeSpan.TicksPerDay + offset.Ticks;
        while (_events.TryPeek(out _, out var next) && next.At <= end)
        {
            var what = _events.Dequeue();
            Ticks = next.At;
            what();
        }

        Ticks = end;
    }

    public bool IsQuiet => _pendingFlushes == 0 && Nodes.All(n => n.IsDead || n.Open.Count == 0);

    private bool Loses() => !IsCalm && !IsHealed && Random.Next(12) == 0;

    private void Decide(SimulatedRequest request)
    {
        request.IsDecided = true;
        _undecided.Remove(request);
    }

    private void End(SimulatedNode node, SimulatedRequest request, int how)
    {
        node.Open.Remove(request);
        switch (how)
        {
            case 0:
                request.Hold!.Release();
                Use(request, -request.Amount);
                break;
            case 1 when !IsCalm:
                // Nobody knows what it cost; it stays taken.
                request.Hold!.Dispose();
                foreach (var allowance in request.Hold.Chain.Allowances)
                {
                    Dropped[allowance.LeaseId] = Dropped.GetValueOrDefault(allowance.LeaseId) + request.Amount;
                }

                break;
            default:
                var work = new AppendWork();
                request.Hold!.Settle(Given.Attempt(request.Cost, node.Clock), work);
                Use(request, request.Cost - request.Amount);
                _pendingFlushes++;
                Flush(node, work);
                break;
        }

        Note($"node {Nodes.IndexOf(node)} ends {request.Amount} with {(how == 0 ? "release" : request.Cost)}");
        node.Pump();
    }

    /// <summary>The committer knows what it wrote; what it could not write it writes later.</summary>
    private void Flush(SimulatedNode node, AppendWork work)
    {
        if (node.IsDead || (!node.IsCutOff && !Loses()))
        {
            Later(Delay(), () => Bank.Flush(work), () => _pendingFlushes--);
        }
        else
        {
            Later(TimeSpan.FromMilliseconds(100), () => Flush(node, work));
        }
    }

    private void Use(SimulatedRequest request, long more)
    {
        foreach (var allowance in request.Hold!.Chain.Allowances)
        {
            var key = (allowance.Terms.Id, allowance.Span.StartMs);
            _used[key] = _used.GetValueOrDefault(key) + more;
            _used[key].ShouldBeLessThanOrEqualTo(_largest[key.Id], $"{key.Id} passed its cap");
        }

        NoteFree();
    }

    private void NoteFree()
    {
        foreach (var request in _undecided)
        {
            foreach (var terms in Bank.Budgets.Values)
            {
                // Both windows that a request near the turn may count against.
                foreach (var at in new[] { DatabaseMs, DatabaseMs - 1_000 })
                {
                    var key = (terms.Id, terms.Window.At(at).StartMs);
                    var free = terms.AmountNano - _used.GetValueOrDefault(key);
                    request.LeastFree[key] = Math.Min(free, request.LeastFree.GetValueOrDefault(key, long.MaxValue));
                }
            }
        }
    }
}

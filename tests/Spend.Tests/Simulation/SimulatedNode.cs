using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Spend.Tests.Simulation;

/// <summary>A node's clocks: the monotonic one is true, the other one is as wrong as its machine's.</summary>
internal sealed class SkewedClock(World world) : TimeProvider
{
    public TimeSpan Skew { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => world.Now + Skew;

    public override long GetTimestamp() => world.Ticks;
}

/// <summary>A request on its way through one node.</summary>
internal sealed class SimulatedRequest
{
    public required SpendScope Scope { get; init; }

    public required long Amount { get; init; }

    /// <summary>What the provider bills; never more than was held.</summary>
    public required long Cost { get; init; }

    public required TimeSpan Takes { get; init; }

    public long Since { get; init; }

    /// <summary>The least that was free at one instant since it came, by budget and window.</summary>
    public Dictionary<(string BudgetId, long Start), long> LeastFree { get; } = [];

    public IReadOnlyList<Task> Waits { get; set; } = [];

    /// <summary>On the node's monotonic clock, for the engine.</summary>
    public long Arrived;

    public Hold? Hold { get; set; }

    public bool IsDecided { get; set; }
}

/// <summary>The engine of one process as it ships, with the world's delays between it and the database.</summary>
internal sealed class SimulatedNode
{
    private readonly World _world;
    private readonly EpochWatch _watch;
    private readonly HashSet<string> _hints = [];
    private bool _isWriting;
    private bool _isReading;

    public SimulatedNode(World world)
    {
        _world = world;
        Clock = new SkewedClock(world);
        var options = new SpendOptions { DeadAfterSeconds = World.DeadAfterSeconds };
        Desk = new LeaseDesk((_, _, _, _) => Task.CompletedTask, options, Clock) { IsShared = true };
        Ledger = new Ledger(Desk, options, Clock);
        foreach (var terms in world.Bank.Budgets.Values)
        {
            Ledger.Put(terms);
        }

        _watch = new EpochWatch(Ledger, new EpochDoor(true, _ => Begin(), (epoch, _) => Renew(epoch), (dead, _) => CloseDead(dead)), options, Clock);
        Run(_watch.BeginAsync(CancellationToken.None));
        world.After(this, TimeSpan.FromSeconds(1), KeepAlive);
    }

    public SkewedClock Clock { get; }

    public LeaseDesk Desk { get; }

    public Ledger Ledger { get; }

    public List<long> Epochs { get; } = [];

    public List<SimulatedRequest> Waiting { get; } = [];

    public List<SimulatedRequest> Open { get; } = [];

    public bool IsDead { get; set; }

    /// <summary>SIGSTOP until then: nothing happens here, what was sent goes on.</summary>
    public long StoppedUntil { get; set; }

    /// <summary>No way to the database until then.</summary>
    public long CutOffUntil { get; set; }

    public bool IsCutOff => _world.Ticks < CutOffUntil;

    public Book Book => Ledger.BookOf(Given.Organization);

    public void Try(SimulatedRequest request)
    {
        if (request.IsDecided)
        {
            return;
        }

        if (!Desk.IsValid)
        {
            _world.After(this, TimeSpan.FromMilliseconds(50), () => Try(request));
            return;
        }

        var ask = new HoldRequest(new NanoUsd(request.Amount), NanoUsd.Zero, 0, true);
        switch (Book.TryHold(request.Scope, ask, ref request.Arrived, out var outcome))
        {
            case HoldVerdict.Granted:
                request.Hold = outcome.Hold;
                _world.Granted(this, request);
                break;
            case HoldVerdict.Refused:
                _world.Refused(request, outcome.Blocking!);
                break;
            default:
                request.Waits = outcome.Waits!;
                Waiting.Add(request);
                break;
        }

        Pump();
    }

    /// <summary>The loop of the desk: one batch at a time, a transaction for each lease.</summary>
    public void Pump()
    {
        if (_isWriting || IsDead)
        {
            return;
        }

        var batch = Desk.TakeReady(ignoresPace: false);
        if (batch.Count == 0)
        {
            if (Desk.NextDue is { } due && due > _world.Ticks)
            {
                _world.After(this, TimeSpan.FromTicks(due - _world.Ticks), Pump);
            }

            return;
        }

        _isWriting = true;
        var (epoch, open) = (Desk.Epoch, batch.Count);
        foreach (var extension in batch)
        {
            _world.Transact(this, () => Write(epoch, extension), isDurable =>
            {
                extension.IsDurable = isDurable;
                if (--open == 0)
                {
                    Applied(batch);
                }
            });
        }
    }

    /// <summary>A hint of the feed. It may come twice, or late; what it says is read from the database.</summary>
    public void Hint(string budgetId)
    {
        _hints.Add(budgetId);
        if (_isReading || IsCutOff)
        {
            _world.After(this, TimeSpan.FromMilliseconds(20), () => ReadHints());
            return;
        }

        ReadHints();
    }

    public void Stop()
    {
        Desk.Shut();
        Book.Shut();
        Pump();
    }

    /// <summary>One report of life and what follows from it.</summary>
    public void Renew()
    {
        if (!IsCutOff)
        {
            Run(_watch.RenewAsync(CancellationToken.None));
            Retry();
            Pump();
        }
    }

    private static void Run(Task task)
    {
        task.IsCompleted.ShouldBeTrue("nothing in here waits");
        task.GetAwaiter().GetResult();
    }

    private void KeepAlive()
    {
        Renew();
        Book.Tidy(Desk.Time.NowMs, 60_000);
        _world.After(this, TimeSpan.FromSeconds(1), KeepAlive);
    }

    private void Write(long epoch, LeaseExtension extension)
    {
        if (_world.Bank.Write(epoch, extension, Desk.Peers) is { } recalled)
        {
            _world.Announce(n => n.Hint(recalled));
        }
    }

    private void Applied(List<LeaseExtension> batch)
    {
        LeaseDesk.Apply(batch);
        _isWriting = false;
        Retry();
        Pump();
    }

    private void Retry()
    {
        foreach (var request in Waiting.Where(r => r.Waits.All(w => w.IsCompleted)).ToList())
        {
            Waiting.Remove(request);
            Try(request);
        }
    }

    private void ReadHints()
    {
        if (_isReading || IsCutOff || _hints.Count == 0)
        {
            if (_hints.Count > 0)
            {
                _world.After(this, TimeSpan.FromMilliseconds(20), ReadHints);
            }

            return;
        }

        _isReading = true;
        var ids = _hints.ToList();
        _hints.Clear();
        Book.BeginRecall();
        Dictionary<string, long> numbers = [];
        _world.Later(_world.Delay(), () => numbers = ids.ToDictionary(id => id, id => _world.Bank.Recalls.GetValueOrDefault(id)), () => _world.After(this, _world.Delay(), () =>
        {
            foreach (var (id, number) in numbers)
            {
                Ledger.Recall(id, number);
            }

            _isReading = false;
            Pump();
            ReadHints();
        }));
    }

    private Task<Outcome<long>> Begin()
    {
        var epoch = _world.Bank.Epochs.Count + 1L;
        _world.Bank.Begin(epoch, _world.DatabaseMs);
        Epochs.Add(epoch);
        return Task.FromResult<Outcome<long>>(epoch);
    }

    private Task<Outcome<Renewal>> Renew(long epoch)
    {
        var row = _world.Bank.Epochs[epoch];
        if (!row.IsOver)
        {
            row.SeenMs = _world.DatabaseMs;
        }

        var before = _world.Ticks - _world.Delay().Ticks;
        List<OtherEpoch> others = [.. _world.Bank.Epochs.Where(e => e.Key != epoch && !e.Value.IsOver).Select(e => new OtherEpoch(e.Key, e.Value.SeenMs))];
        return Task.FromResult<Outcome<Renewal>>(new Renewal(row.IsOver ? null : row.SeenMs, before, _world.Ticks, others));
    }

    private Task<Outcome<bool>> CloseDead(IReadOnlyList<OtherEpoch> dead)
    {
        foreach (var other in dead.Where(d => _world.Bank.Epochs[d.Epoch].SeenMs == d.SeenMs))
        {
            _world.Bank.Close(other.Epoch, other.Epoch);
        }

        return Task.FromResult<Outcome<bool>>(true);
    }
}

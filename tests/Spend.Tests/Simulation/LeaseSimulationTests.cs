using System.Globalization;

namespace Crew.Spend.Tests.Simulation;

/// <summary>
/// The protocol by which nodes share a budget, over many schedules. The engine, its rules and its decisions are the shipped ones;
/// <see cref="LeaseBank"/> stands for the database, and <see cref="LeaseBankTests"/> shows that it decides as the SQL does.
/// A failure names its seed: <c>CREW_SIMULATION_SEED=…</c> replays it alone, with its history.
/// </summary>
public sealed class LeaseSimulationTests
{
    [Fact]
    public void Over_all_schedules_no_cap_is_passed_nothing_is_lost_and_no_calm_refusal_is_false()
    {
        if (Environment.GetEnvironmentVariable("CREW_SIMULATION_SEED") is { Length: > 0 } replayed)
        {
            Schedule.Run(int.Parse(replayed, CultureInfo.InvariantCulture), []);
            return;
        }

        var schedules = Environment.GetEnvironmentVariable("CREW_TEST_SCALE") == "full" ? 100_000 : 400;
        var (granted, refused, unavailable, calm, late) = (0, 0, 0, 0, 0);
        Parallel.For(0, schedules, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (seed, all) =>
        {
            World world;
            try
            {
                world = Schedule.Run(seed, null);
            }
            catch
            {
                all.Stop();
                throw;
            }

            Interlocked.Add(ref granted, world.GrantedCount);
            Interlocked.Add(ref refused, world.RefusedCount);
            Interlocked.Add(ref unavailable, world.UnavailableCount);
            Interlocked.Add(ref calm, world.CalmRefusals);
            Interlocked.Add(ref late, world.LateRefusals);
        });
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{schedules} schedules: {granted} granted, {refused} refused ({calm} in calm, {late} of them after more than 250 ms), {unavailable} unavailable.");
        late.ShouldBeLessThanOrEqualTo(calm / 100);
        granted.ShouldBeGreaterThan(schedules);
        refused.ShouldBeGreaterThan(schedules);
    }
}

/// <summary>One schedule: a busy time near the cap, then peace, an orderly stop, and the sums.</summary>
internal static class Schedule
{
    private static readonly TimeSpan Busy = TimeSpan.FromSeconds(4);

    public static World Run(int seed, List<string>? log)
    {
        var world = new World(seed) { Log = log };
        try
        {
            Plan(world);
            world.RunUntil(Busy);
            Calm(world);
            CheckSums(world);
            (world.IsCalm ? world.UnavailableCount : 0).ShouldBe(0, "in calm every request is decided");
            return world;
        }
        catch (Exception wrong)
        {
            throw new InvalidOperationException($"Schedule {seed} (replay: CREW_SIMULATION_SEED={seed}): {wrong.Message}\n{string.Join('\n', log ?? [])}", wrong);
        }
    }

    private static void Plan(World world)
    {
        var random = world.Random;
        world.Put(Given.Budget("outer", BudgetSubject.Workspace(Given.Workspace), random.Next(200, 3_000), BudgetWindow.Total));
        world.Put(Given.Budget("inner", BudgetSubject.Key(Given.Workspace, "key_1"), random.Next(100, 1_000), BudgetWindow.Day));
        for (var count = random.Next(2, 5); count > 0; count--)
        {
            var node = new SimulatedNode(world);
            node.Clock.Skew = TimeSpan.FromSeconds(random.Next(-600, 600));
            world.Nodes.Add(node);
        }

        for (var requests = random.Next(20, 70); requests > 0; requests--)
        {
            var node = world.Nodes[random.Next(world.Nodes.Count)];
            var (key, amount) = (random.Next(3) == 0 ? "key_2" : "key_1", random.Next(1, 200));
            var cost = random.Next(3) == 0 ? amount : random.Next(amount + 1);
            var (at, takes) = (random.Next(3_900), TimeSpan.FromMilliseconds(random.Next(1, 900)));
            world.After(node, TimeSpan.FromMilliseconds(at), () => world.Arrive(node, key, amount, cost, takes));
        }

        for (var changes = random.Next(3); changes > 0; changes--)
        {
            var (at, amount) = (TimeSpan.FromMilliseconds(random.Next(4_000)), random.Next(100, 1_500));
            world.Later(at, () => world.Put(world.Bank.Budgets["inner"] with { AmountNano = amount, Version = world.Bank.Budgets["inner"].Version + 1 }));
        }

        if (!world.IsCalm)
        {
            PlanFaults(world);
        }
    }

    private static void PlanFaults(World world)
    {
        var random = world.Random;
        foreach (var node in world.Nodes)
        {
            var at = TimeSpan.FromMilliseconds(random.Next(4_000));
            switch (random.Next(6))
            {
                case 0:
                    world.Later(at, () => world.Crash(node));
                    break;
                case 1:
                    var stopped = TimeSpan.FromMilliseconds(random.Next(100, 12_000));
                    world.Later(at, () => world.Note($"node {world.Nodes.IndexOf(node)} stops for {stopped}"), () => node.StoppedUntil = world.Ticks + stopped.Ticks);
                    break;
                case 2:
                    var cut = TimeSpan.FromMilliseconds(random.Next(100, 12_000));
                    world.Later(at, () => world.Note($"node {world.Nodes.IndexOf(node)} is cut off for {cut}"), () => node.CutOffUntil = world.Ticks + cut.Ticks);
                    break;
                case 3:
                    world.Later(at, () => node.Clock.Skew = TimeSpan.FromSeconds(random.Next(-90_000, 90_000)));
                    break;
            }
        }
    }

    /// <summary>All faults end, all requests end, whoever is dead is found dead, and the living stop in order.</summary>
    private static void Calm(World world)
    {
        var time = Busy;
        world.Later(TimeSpan.FromSeconds(12), () => world.IsHealed = true);
        do
        {
            world.RunUntil(time += TimeSpan.FromSeconds(1));
            time.ShouldBeLessThan(TimeSpan.FromMinutes(2), "requests have not ended");
        }
        while (!world.IsQuiet || time < TimeSpan.FromSeconds(28));

        var alive = world.Nodes.Where(n => !n.IsDead).ToList();
        if (alive.Count > 0)
        {
            world.Bank.Rows.Values.Where(r => !r.Closed).ShouldAllBe(r => alive.Any(n => n.Desk.Epoch == r.Epoch), "leases of the dead are closed");
        }

        alive.ForEach(n => n.Stop());
        world.RunUntil(time + TimeSpan.FromSeconds(2));
    }

    private static void CheckSums(World world)
    {
        world.Bank.CheckCountersAgainstLedger();
        var dead = world.Nodes.Where(n => n.IsDead).SelectMany(n => n.Epochs).ToHashSet();
        foreach (var row in world.Bank.Rows.Values.Where(r => !dead.Contains(r.Epoch)))
        {
            row.Closed.ShouldBeTrue($"lease {row.Id} is open after the stop");
            row.Leased.ShouldBe(row.Settled + world.Dropped.GetValueOrDefault(row.Id), $"lease {row.Id} kept something");
        }
    }
}

using System.Globalization;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Providers;
using Crew.Gateway.Routing;
using Crew.Gateway.Sandbox;
using Crew.Testing;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

public sealed class RoutingTests
{
    private static readonly ProviderLink _link = ProviderLink.OfSandbox(new HttpMessageInvoker(new SandboxProvider(TimeProvider.System)));
    private static readonly DateTimeOffset _start = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(new[] { 0.00, 0.00 }, "abcd")]
    [InlineData(new[] { 0.24, 0.10 }, "abcd")]
    [InlineData(new[] { 0.25, 0.99 }, "bacd")]
    [InlineData(new[] { 0.90, 0.10 }, "bacd")]
    public void The_weight_decides_among_equals_and_priority_before_it(double[] dice, string order) =>
        Order(Targets(("a", 1, 1), ("b", 3, 1), ("c", 100, 2), ("d", 1, 3)), _start, dice).ShouldBe(order);

    [Fact]
    public void Weights_hold_while_all_do_equally_well_and_none_is_left_out()
    {
        var targets = Targets(("0", 1, 1), ("1", 2, 1), ("2", 7, 1));
        var firsts = new int[3];
        for (var step = 0; step < 1_000; step++)
        {
            var order = Order(targets, _start, step / 1_000.0, step * 7 % 1_000 / 1_000.0, 0.5, 0.5);
            order.Order().ShouldBe("012");
            firsts[order[0] - '0']++;
        }

        firsts.ShouldBe([100, 200, 700]);
    }

    [Fact]
    public void Of_two_drawn_the_one_that_costs_less_time_is_taken()
    {
        var targets = Targets(("slow", 1, 1), ("fast", 1, 1));
        Serve(targets[0], _start, 800);
        Serve(targets[1], _start, 100);
        Order(targets, _start, 0.1, 0.9).ShouldBe("fastslow");
        Order(targets, _start, 0.1, 0.2).ShouldBe("slowfast", "both draws fell on the slow one, so it keeps its history fresh");
        for (var call = 0; call < 10; call++)
        {
            targets[1].Health.Begin(_start);
        }

        Order(targets, _start, 0.9, 0.1).ShouldBe("slowfast", "the fast one has ten calls under way");
    }

    [Fact]
    public void A_slower_answer_counts_at_once_and_a_faster_one_by_and_by()
    {
        var target = Targets(("a", 1, 1))[0];
        Serve(target, _start, 100);
        Serve(target, _start, 900);
        target.Health.CostAt(_start).ShouldBe(900, 0.001);
        Serve(target, _start.AddSeconds(1), 100);
        target.Health.CostAt(_start.AddSeconds(1)).ShouldBe((900 * Math.Exp(-0.1)) + (100 * (1 - Math.Exp(-0.1))), 0.001);
        target.Health.CostAt(_start.AddSeconds(600)).ShouldBe(1, 0.001, "what was long ago says nothing any more");
    }

    [Fact]
    public void Failures_in_a_row_open_the_circuit_and_one_probe_closes_it()
    {
        var clock = new FakeClock(_start);
        var targets = Targets(("a", 1, 1), ("b", 1, 2));
        var health = targets[0].Health;
        for (var failure = 1; failure <= TargetHealth.FailuresToOpen; failure++)
        {
            health.IsReady(clock.GetUtcNow()).ShouldBeTrue(failure.ToString(CultureInfo.InvariantCulture));
            Break(targets[0], clock.GetUtcNow());
        }

        State(health, clock).ShouldBe(CircuitState.Open);
        Order(targets, clock.GetUtcNow()).ShouldBe("ba", "it is passed over while another can take the call, and tried when nothing else is left");
        clock.Advance(TimeSpan.FromSeconds(TargetHealth.FirstRestSeconds));
        State(health, clock).ShouldBe(CircuitState.HalfOpen);
        Order(targets, clock.GetUtcNow()).ShouldBe("ab");
        health.Begin(clock.GetUtcNow());
        Order(targets, clock.GetUtcNow()).ShouldBe("ba", "one probe at a time");
        health.End(wasJudged: false);
        Order(targets, clock.GetUtcNow()).ShouldBe("ab", "the client left, so a probe is still owed");
        health.Begin(clock.GetUtcNow());
        health.Fail(clock.GetUtcNow(), null);
        health.End(wasJudged: true);
        health.ToAnswer(clock.GetUtcNow(), true).RestsUntil.ShouldBe(clock.GetUtcNow().AddSeconds(2 * TargetHealth.FirstRestSeconds), "each rest in a row is twice as long");
        clock.Advance(TimeSpan.FromSeconds(2 * TargetHealth.FirstRestSeconds));
        Serve(targets[0], clock.GetUtcNow(), 50);
        State(health, clock).ShouldBe(CircuitState.Closed);
        health.ToAnswer(clock.GetUtcNow(), true).FailuresInARow.ShouldBe(0);
    }

    [Theory]
    [InlineData(7, 7)]
    [InlineData(86_400, TargetHealth.MostRetryAfterSeconds)]
    public void A_target_that_asks_to_be_left_alone_is_for_as_long_as_it_may_ask(int asked, int seconds)
    {
        var targets = Targets(("a", 1, 1), ("b", 1, 1));
        targets[0].Health.Begin(_start);
        targets[0].Health.Fail(_start, TimeSpan.FromSeconds(asked));
        targets[0].Health.End(wasJudged: true);
        Order(targets, _start.AddSeconds(seconds - 1), 0.1, 0.1).ShouldBe("ba");
        Order(targets, _start.AddSeconds(seconds), 0.1, 0.1).ShouldBe("ab");
    }

    [Fact]
    public void Where_all_rest_the_first_to_recover_is_tried_first()
    {
        var targets = Targets(("a", 1, 1), ("b", 1, 1));
        targets[0].Health.Fail(_start, TimeSpan.FromSeconds(9));
        targets[1].Health.Fail(_start, TimeSpan.FromSeconds(3));
        Order(targets, _start).ShouldBe("ba");
    }

    [Theory]
    [InlineData("retry-after-ms", "1500", 1.5)]
    [InlineData("Retry-After", "2", 2.0)]
    [InlineData("Retry-After", "Sun, 01 Nov 2026 12:00:05 GMT", 5.0)]
    [InlineData("Retry-After", "Sun, 01 Nov 2026 11:00:00 GMT", 0.0)]
    [InlineData("Retry-After", "99999999999", 86_400.0)]
    [InlineData("Retry-After", "soon", null)]
    [InlineData("X-Other", "2", null)]
    public void What_a_provider_asks_for_is_read_in_all_three_forms(string header, string value, double? seconds)
    {
        using var answer = new HttpResponseMessage();
        answer.Headers.TryAddWithoutValidation(header, value);
        RetryAfter.Of(answer.Headers, _start)?.TotalSeconds.ShouldBe(seconds!.Value);
        (RetryAfter.Of(answer.Headers, _start) is null).ShouldBe(seconds is null);
    }

    private static CircuitState State(TargetHealth health, FakeClock clock) => health.ToAnswer(clock.GetUtcNow(), true).State;

    private static void Serve(Target target, DateTimeOffset now, double milliseconds)
    {
        target.Health.Begin(now);
        target.Health.Succeed(now, milliseconds);
        target.Health.End(wasJudged: true);
    }

    private static void Break(Target target, DateTimeOffset now)
    {
        target.Health.Begin(now);
        target.Health.Fail(now, null);
        target.Health.End(wasJudged: true);
    }

    private static Target[] Targets(params (string Name, int Weight, int Priority)[] targets) =>
        [.. targets.Select(t => new Target(_link, t.Name, t.Weight, t.Priority, new TargetHealth()))];

    /// <summary>The names in order; the last number is thrown for all further draws.</summary>
    private static string Order(Target[] targets, DateTimeOffset now, params double[] dice)
    {
        var thrown = 0;
        return string.Concat(TargetChoice.Order(targets, now, () => dice.Length == 0 ? 0 : dice[Math.Min(thrown++, dice.Length - 1)]).Select(t => t.UpstreamModel));
    }
}

using Crew.Gateway.Calls;
using Crew.Gateway.Routing;
using Crew.Kernel;
using Crew.Testing;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Crew.Gateway.Tests.Calls;

/// <summary>What all tenants share is bounded, and nobody takes it all from the others.</summary>
public sealed class SharedRoomTests
{
    private static readonly Tenant Greedy = new("org_a", "ws_1");
    private static readonly Tenant Sibling = new("org_a", "ws_2");
    private static readonly Tenant Stranger = new("org_b", "ws_3");

    [Fact]
    public void In_a_full_room_the_workspace_with_the_most_makes_room_for_others()
    {
        var places = Places((Greedy, 6), (Sibling, 2));
        DrainRoom.Displaced(places, Stranger)!.Guest.ShouldBe("ws_1 5", "the last of the largest workspace");
        DrainRoom.Displaced(places, Sibling)!.Tenant.ShouldBe(Greedy);
        DrainRoom.Displaced(places, Greedy).ShouldBeNull("whoever has the most makes room for nobody of their own");
    }

    [Fact]
    public void Equal_shares_are_left_alone()
    {
        DrainRoom.Displaced(Places((Greedy, 4), (Stranger, 4)), Stranger).ShouldBeNull();
        DrainRoom.Displaced(Places((Greedy, 4), (Stranger, 3)), Stranger).ShouldBeNull("it would only turn the tables");
        DrainRoom.Displaced(Places((Greedy, 5), (Stranger, 3)), Stranger)!.Tenant.ShouldBe(Greedy);
    }

    [Fact]
    public async Task Answers_beyond_the_memory_wait_and_are_refused_when_none_comes_free()
    {
        var (memory, clock) = (new AnswerMemory(100), new FakeClock());
        (await memory.TakeAsync(80, clock, default)).ShouldBeTrue();
        var waiting = memory.TakeAsync(40, clock, default).AsTask();
        var refused = memory.TakeAsync(101, clock, default).AsTask();
        waiting.IsCompleted.ShouldBeFalse();
        memory.GiveBack(80);
        await UntilAsync(clock, waiting);
        (await waiting).ShouldBeTrue();
        await UntilAsync(clock, refused);
        (await refused).ShouldBeFalse();
        memory.TakenBytes.ShouldBe(40, "what was refused is not counted");
    }

    [Theory]
    [InlineData("5", "5")]
    [InlineData("3600", "3600")]
    [InlineData("86400", "3600")]
    [InlineData("99999999999999999999", "3600")]
    [InlineData("Mon, 02 Nov 2026 09:00:30 GMT", "Mon, 02 Nov 2026 09:00:30 GMT")]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT", "3600")]
    [InlineData("-1", null)]
    [InlineData("soon", null)]
    [Trait("Trap", "29")]
    public void A_wait_that_a_provider_asks_of_clients_is_kept_within_reason(string said, string? passed)
    {
        var headers = new HeaderDictionary { ["Retry-After"] = said, ["retry-after-ms"] = said == "5" ? "5000" : "3600001" };
        RetryAfter.Bound(headers, new FakeClock().GetUtcNow());
        ((string?)headers["Retry-After"]).ShouldBe(passed);
        headers.ContainsKey("retry-after-ms").ShouldBe(said == "5");
    }

    private static async Task UntilAsync(FakeClock clock, Task done)
    {
        for (var looks = 0; looks < 2_000 && !done.IsCompleted; looks++)
        {
            clock.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Delay(5);
        }
    }

    private static List<Place<string>> Places(params (Tenant Of, int Count)[] groups) =>
        [.. groups.SelectMany(g => Enumerable.Range(0, g.Count).Select(n => new Place<string>($"{g.Of.WorkspaceId} {n}", g.Of)))];
}

using Crew.Testing;

namespace Crew.Storage.Spec;

public sealed class GatherRuleSpec
{
    private readonly FakeClock _clock = new();

    [Fact]
    public void At_five_hundred_a_second_no_commit_waits_for_company()
    {
        var rule = new GatherRule(TimeSpan.FromMilliseconds(1), _clock);
        for (var commit = 0; commit < 200; commit++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(4));
            rule.Note(2);
            rule.Pays.ShouldBeFalse();
        }
    }

    [Fact]
    public void A_burst_is_not_yet_load()
    {
        var rule = new GatherRule(TimeSpan.FromMilliseconds(1), _clock);
        _clock.Advance(TimeSpan.FromSeconds(10));
        rule.Note(1);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        rule.Note(40);
        rule.Pays.ShouldBeFalse();
    }

    [Fact]
    public void Under_load_rows_are_gathered_until_it_is_over()
    {
        var rule = new GatherRule(TimeSpan.FromMilliseconds(1), _clock);
        for (var commit = 0; commit < 10; commit++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(5));
            rule.Note(40);
        }

        rule.Pays.ShouldBeTrue();
        _clock.Advance(TimeSpan.FromSeconds(1));
        rule.Note(1);
        rule.Pays.ShouldBeFalse();
    }
}

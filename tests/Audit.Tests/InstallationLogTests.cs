using Crew.Kernel;

namespace Crew.Audit.Tests;

public sealed class InstallationLogTests
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task An_operators_doing_is_recorded_and_listed(string dialect)
    {
        await using var bed = await AuditBed.StartAsync(dialect);
        var origin = new Origin(new Actor("operator", "ada"), null, "crew/0.1.0 (keys create)", null);
        for (var n = 0; n < 5; n++)
        {
            bed.Clock.Now = bed.Clock.Now.AddMilliseconds(1);
            var appended = await bed.Installation.AppendAsync(origin, new Event("operator.key.created", new Resource("api_key", $"key_{n}")));
            appended.Value.ShouldStartWith("log_");
        }

        await bed.UseAsync(bed.Acme, bed.ByKey());
        await bed.SequenceAllAsync();
        var first = await bed.Installation.ListAsync(limit: 3);
        first.Items.Select(r => r.Resource!.Id).ShouldBe(["key_4", "key_3", "key_2"]);
        first.Items[0].Sequence.ShouldBe(5);
        first.Items[0].UserAgent.ShouldBe("crew/0.1.0 (keys create)");
        var second = await bed.Installation.ListAsync(limit: 3, before: first.NextCursor);
        second.Items.Select(r => r.Resource!.Id).ShouldBe(["key_1", "key_0"]);
        second.NextCursor.ShouldBeNull();
    }
}

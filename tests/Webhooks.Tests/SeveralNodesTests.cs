using Crew.Webhooks.Delivery;

namespace Crew.Webhooks.Tests;

public sealed class SeveralNodesTests
{
    [Fact]
    public async Task Several_nodes_deliver_each_event_once_while_they_come_and_go()
    {
        await using var bed = await WebhookBed.StartAsync("postgres");
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        for (var made = 0; made < 4; made++)
        {
            await bed.EndpointAsync(receiver.Url, events: ["crew.*"]);
        }

        var others = new[] { await bed.AddNodeAsync(), await bed.AddNodeAsync() };
        await bed.First.DeliverAsync(receiver.Url);
        foreach (var node in others)
        {
            await node.DeliverAsync(receiver.Url);
        }

        var raising = bed.RaiseAsync(100);
        await Task.Delay(200, TestContext.Current.CancellationToken);
        await bed.First.StopAsync();
        await raising;
        await receiver.WaitAsync(400);
        await WebhookBed.UntilAsync(async () => (await bed.DeliveriesAsync()).TrueForAll(d => d.State == DeliveryRecord.Delivered), "all are delivered");
        receiver.All.GroupBy(r => r.DeliveryId).Count().ShouldBe(400);
        receiver.All.Count.ShouldBe(400, "a stop lets what is on its way come to its end");
    }
}

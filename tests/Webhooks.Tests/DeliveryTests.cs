using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Crew.Kernel;
using Crew.Webhooks.Delivery;
using Crew.Webhooks.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Crew.Webhooks.Tests;

public sealed class SqliteDeliveryTests() : DeliveryTests("sqlite");

public sealed class PostgresDeliveryTests() : DeliveryTests("postgres");

/// <summary>Every committed event reaches its endpoint or is listed as failed, on both databases, over real connections.</summary>
public abstract class DeliveryTests(string dialect)
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    [Fact]
    public async Task An_event_arrives_whole_with_both_signatures()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        await bed.EndpointAsync(receiver.Url);
        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync();
        var got = (await receiver.WaitAsync(1))[0];
        var body = JsonDocument.Parse(got.Body).RootElement;
        (body.GetProperty("type").GetString(), body.GetProperty("workspace_id").GetString()).ShouldBe(("crew.updated", bed.Tenant.WorkspaceId));
        (body.GetProperty("id").GetString(), got.Headers["X-Crew-Event"]).ShouldBe((got.EventId, "crew.updated"));
        got.Headers["X-Crew-Signature"].ShouldBe("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(got.Body))));
        got.Headers["webhook-signature"].ShouldBe(Standard(Secret, got));
        await DeliveredAsync(bed, 1);
    }

    [Fact]
    public async Task During_a_rotation_both_secrets_verify()
    {
        const string next = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        var endpoint = await bed.EndpointAsync(receiver.Url);
        await bed.ChangeAsync(async db =>
        {
            var row = await db.Set<WebhookEndpoint>().SingleAsync(e => e.Id == endpoint.Id);
            row.KeepFormer(bed.Ring, bed.Clock.GetUtcNow().AddHours(1)).ShouldBeTrue();
            row.SealSecret(bed.Ring, new SecretText(next));
            db.Touch(EndpointDirectory.FeedTopic, endpoint.Id);
        });
        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync();
        var got = (await receiver.WaitAsync(1))[0];
        got.Headers["webhook-signature"].ShouldBe($"{Standard(next, got)} {Standard(Secret, got)}");
        got.Headers["X-Crew-Signature"].ShouldBe("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(got.Body))));
        bed.Clock.Move(TimeSpan.FromHours(2));
        await bed.RaiseAsync();
        var after = (await receiver.WaitAsync(2))[1];
        after.Headers["webhook-signature"].ShouldBe(Standard(next, after));
    }

    [Fact]
    public async Task The_schedule_is_kept_then_each_hour_is_probed_and_what_was_missed_comes_in_order()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        var endpoint = await bed.EndpointAsync(receiver.Url, events: ["crew.*"]);
        receiver.Answers(500);
        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync();
        await receiver.WaitAsync(1);
        foreach (var (made, pause) in new[] { (1, TimeSpan.FromSeconds(30)), (2, TimeSpan.FromMinutes(2)), (3, TimeSpan.FromMinutes(10)), (4, TimeSpan.FromHours(1)) })
        {
            await WebhookBed.UntilAsync(async () => (await bed.DeliveriesAsync())[0].Attempts == made, "the attempt is noted");
            var waiting = (await bed.DeliveriesAsync())[0];
            (waiting.NextAt - bed.Clock.GetUtcNow()).ShouldBeInRange(pause - TimeSpan.FromSeconds(5), pause * 1.1);
            await Task.Delay(150, TestContext.Current.CancellationToken);
            receiver.All.Count.ShouldBe(made);
            bed.Clock.Move(pause * 1.1);
            await receiver.WaitAsync(made + 1);
        }

        await WebhookBed.UntilAsync(async () => (await bed.QueueAsync(endpoint)).Health == EndpointQueue.Failing, "it is failing");
        (await bed.DeliveriesAsync())[0].State.ShouldBe(DeliveryRecord.Failed);
        await bed.RaiseAsync(5);
        await Task.Delay(200, TestContext.Current.CancellationToken);
        receiver.All.Count.ShouldBe(5, "a failing endpoint keeps its pace");
        bed.Clock.Move(TimeSpan.FromHours(1.1));
        await receiver.WaitAsync(6);
        receiver.Answers(200);
        await WebhookBed.UntilAsync(async () => (await bed.QueueAsync(endpoint)).HeldUntil <= bed.Clock.GetUtcNow(), "it was let go");
        bed.Clock.Move(TimeSpan.FromHours(1.1));
        await receiver.WaitAsync(12);
        await DeliveredAsync(bed, 6);
        receiver.All.Skip(6).Select(r => r.EventId).ShouldBe((await bed.EventsAsync()).Where(e => e.Type == "crew.updated").Select(e => e.Id));
        (await bed.EventsAsync()).Select(e => e.Type).ShouldContain("webhook.recovered");
    }

    [Fact]
    public async Task Five_days_without_an_answer_end_an_endpoint_and_list_what_it_missed_as_failed()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        var endpoint = await bed.EndpointAsync(receiver.Url, events: ["crew.*"]);
        receiver.Answers(503);
        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync();
        for (var made = 1; made <= 5; made++)
        {
            await receiver.WaitAsync(made);
            await WebhookBed.UntilAsync(async () => (await bed.DeliveriesAsync())[0].Attempts == made, "the attempt is noted");
            bed.Clock.Move(TimeSpan.FromHours(1.1));
        }

        await bed.RaiseAsync();
        await WebhookBed.UntilAsync(async () => (await bed.QueueAsync(endpoint)).Health == EndpointQueue.Failing, "it is failing");
        bed.Clock.Move(TimeSpan.FromDays(5.1));
        await WebhookBed.UntilAsync(async () => (await bed.ReadAsync(endpoint)).Status == WebhookEndpoint.Disabled, "it is given up");
        (await bed.ReadAsync(endpoint)).StatusReason.ShouldBe("failing");
        (await bed.DeliveriesAsync()).ShouldAllBe(d => d.State == DeliveryRecord.Failed && d.IsOpen == 0);
        (await bed.EventsAsync()).Select(e => e.Type).ShouldContain("webhook.disabled");
    }

    [Fact]
    public async Task An_endpoint_that_is_gone_is_disabled_and_other_refusals_are_final()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        var endpoint = await bed.EndpointAsync(receiver.Url, events: ["crew.*"]);
        receiver.Answers(404);
        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync();
        await WebhookBed.UntilAsync(async () => (await bed.DeliveriesAsync())[0] is { State: DeliveryRecord.Failed, IsOpen: 0 }, "it is final");
        receiver.Answers(410);
        await bed.RaiseAsync();
        await WebhookBed.UntilAsync(async () => (await bed.ReadAsync(endpoint)) is { Status: WebhookEndpoint.Disabled, StatusReason: "gone" }, "it is disabled");
        await WebhookBed.UntilAsync(() => Task.FromResult(bed.First.Directory.Find(endpoint.Id) is not { Sends: true }), "the node knows");
        await bed.RaiseAsync();
        await Task.Delay(100, TestContext.Current.CancellationToken);
        (receiver.All.Count, (await bed.DeliveriesAsync()).Count).ShouldBe((2, 2));
    }

    [Fact]
    public async Task What_its_creator_may_not_read_is_not_sent_and_without_a_creator_it_pauses()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        var endpoint = await bed.EndpointAsync(receiver.Url, events: ["crew.*", "api_key.*"]);
        bed.Creators.Rights = PermissionSet.Of("crews:read");
        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync(1, "api_key.created");
        await WebhookBed.UntilAsync(async () => (await bed.DeliveriesAsync())[0].State == DeliveryRecord.Failed, "it is not sent");
        (await bed.DeliveriesAsync())[0].Log!.ShouldContain("not_permitted");
        receiver.All.ShouldBeEmpty();
        bed.Creators.AreGone = true;
        await bed.RaiseAsync();
        await WebhookBed.UntilAsync(async () => (await bed.ReadAsync(endpoint)) is { Status: WebhookEndpoint.Paused, StatusReason: "creator_gone" }, "it pauses");
        receiver.All.ShouldBeEmpty();
        (await bed.EventsAsync()).Select(e => e.Type).ShouldContain("webhook.paused");
    }

    [Fact]
    public async Task What_a_dead_process_has_committed_is_delivered_by_the_next()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        var endpoint = await bed.EndpointAsync(receiver.Url, events: ["crew.*"]);
        await bed.RaiseAsync(40);
        bed.First.Inbox.TakeAll().Count.ShouldBe(40, "nobody hears of them");
        await bed.ChangeAsync(async db =>
        {
            var queue = await db.Set<EndpointQueue>().SingleAsync(q => q.EndpointId == endpoint.Id);
            (queue.Holder, queue.HeldUntil, queue.DueAt) = ("a dead process", bed.Clock.GetUtcNow().AddSeconds(1), bed.Clock.GetUtcNow());
        });
        await bed.First.DeliverAsync(receiver.Url);
        await receiver.WaitAsync(40);
        await DeliveredAsync(bed, 40);
        receiver.All.Select(r => r.EventId).Distinct().Count().ShouldBe(40);
    }

    [Fact]
    public async Task A_clock_that_was_put_back_does_not_hold_an_attempt_up()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        await bed.EndpointAsync(receiver.Url, events: ["crew.*"]);
        receiver.Answers(500);
        bed.Clock.Move(TimeSpan.FromDays(30));
        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync();
        await receiver.WaitAsync(1);
        await WebhookBed.UntilAsync(async () => (await bed.DeliveriesAsync())[0].Attempts == 1, "the attempt is noted");
        receiver.Answers(200);
        bed.Clock.Move(-TimeSpan.FromDays(30));
        await receiver.WaitAsync(2);
        await DeliveredAsync(bed, 1);
    }

    [Fact]
    public async Task Hostile_receivers_cost_an_attempt_and_no_more()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        await bed.EndpointAsync(receiver.Url, events: ["crew.*"]);
        bed.Options = bed.Options with { AnswerSeconds = 1 };
        receiver.Answer = (http, got) => got.Headers["X-Crew-Event"] == "crew.updated" ? HostileAsync(http, receiver.All.Count) : Task.CompletedTask;
        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync(6);
        await WebhookBed.UntilAsync(async () => (await bed.DeliveriesAsync()).TrueForAll(d => d.Attempts >= 1), "each has its attempt", 40);
        var logs = (await bed.DeliveriesAsync()).ConvertAll(d => JsonDocument.Parse(d.Log!).RootElement[0]);
        logs.ShouldAllBe(l => l.GetProperty("latency_ms").GetInt64() < 5_000);
        (await bed.DeliveriesAsync()).ShouldAllBe(d => d.ResponseSealed == null || d.ResponseSealed.Length <= Verdict.MostTextBytes + 100);
    }

    private static async Task HostileAsync(HttpContext http, int kind)
    {
        var stopped = http.RequestAborted;
        switch (kind % 6)
        {
            case 0:
                await Task.Delay(TimeSpan.FromSeconds(10), stopped).ContinueWith(static _ => { }, TaskScheduler.Default);
                break;
            case 1:
                for (var at = 0; at < 20 && !stopped.IsCancellationRequested; at++)
                {
                    await http.Response.WriteAsync("x", stopped);
                    await http.Response.Body.FlushAsync(stopped);
                    await Task.Delay(1_000, stopped).ContinueWith(static _ => { }, TaskScheduler.Default);
                }

                break;
            case 2:
                http.Response.StatusCode = 500;
                var block = new byte[64 * 1024];
                Array.Fill(block, (byte)'a');
                for (var at = 0; at < 160_000 && !stopped.IsCancellationRequested; at++)
                {
                    await http.Response.Body.WriteAsync(block, CancellationToken.None);
                }

                break;
            case 3:
                (http.Response.StatusCode, http.Response.Headers.ContentEncoding) = (500, "gzip");
                await http.Response.Body.WriteAsync(new byte[] { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 }, stopped);
                break;
            case 4:
                (http.Response.StatusCode, http.Response.Headers.Location) = (302, "http://169.254.169.254/latest/meta-data/");
                break;
            default:
                http.Abort();
                break;
        }
    }

    [Fact]
    public async Task A_receiver_that_speaks_no_tls_is_a_failed_connection()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        using var plain = new TcpListener(System.Net.IPAddress.Loopback, 0);
        plain.Start();
        var url = new Uri($"https://127.0.0.1:{((System.Net.IPEndPoint)plain.LocalEndpoint).Port}/");
        await bed.EndpointAsync(url, events: ["crew.*"]);
        await bed.First.DeliverAsync(url);
        await bed.RaiseAsync();
        using var caller = await plain.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await caller.GetStream().WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        await WebhookBed.UntilAsync(async () => (await bed.DeliveriesAsync())[0].Attempts == 1, "the attempt is noted");
        (await bed.DeliveriesAsync())[0].Log!.ShouldContain("egress_failed");
    }

    [Fact]
    public async Task A_tenant_of_dead_endpoints_does_not_take_the_turn_of_another()
    {
        await using var bed = await WebhookBed.StartAsync(dialect);
        await using var receiver = await Receiver.StartAsync(bed.Clock);
        bed.Options = bed.Options with { MostAttemptsPerWorkspace = 8, MostQueuesPerWorkspace = 16, AnswerSeconds = 5 };
        receiver.Answer = async (http, got) =>
        {
            if (got.Path == "/dead")
            {
                await Task.Delay(TimeSpan.FromSeconds(5), http.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
            }
        };
        for (var made = 0; made < 60; made++)
        {
            await bed.EndpointAsync(new Uri(receiver.Url, "/dead"), events: ["crew.*"]);
        }

        await bed.First.DeliverAsync(receiver.Url);
        await bed.RaiseAsync(3);
        await receiver.WaitAsync(8);
        var slow = bed.Tenant;
        bed.EnterAnotherWorkspace();
        await bed.EndpointAsync(new Uri(receiver.Url, "/live"), events: ["crew.*"]);
        var began = DateTimeOffset.UtcNow;
        await bed.RaiseAsync();
        await WebhookBed.UntilAsync(() => Task.FromResult(receiver.All.Any(r => r.Path == "/live")), "the other tenant is served");
        (DateTimeOffset.UtcNow - began).ShouldBeLessThan(TimeSpan.FromSeconds(3));
        slow.ShouldNotBe(bed.Tenant);
    }

    private static async Task DeliveredAsync(WebhookBed bed, int count) => await WebhookBed.UntilAsync(
        async () => (await bed.DeliveriesAsync()) is { } all && all.Count(d => d.State == DeliveryRecord.Delivered) == count, $"{count} are delivered");

    private static string Standard(string secret, Received got) => "v1," + Convert.ToBase64String(HMACSHA256.HashData(
        Convert.FromBase64String(secret["whsec_".Length..]), Encoding.UTF8.GetBytes($"{got.EventId}.{got.Headers["webhook-timestamp"]}.{got.Body}")));
}

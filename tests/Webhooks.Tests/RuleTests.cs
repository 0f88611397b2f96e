using System.Text;
using Crew.Kernel;
using Crew.Sealing.Egress;
using Crew.Webhooks.Catalogue;
using Crew.Webhooks.Delivery;
using Crew.Webhooks.Endpoints;

namespace Crew.Webhooks.Tests;

/// <summary>The pure rules: schedule, verdicts, filters, secrets, headers.</summary>
public sealed class RuleTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 20, 9, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(1, 30), InlineData(2, 120), InlineData(3, 600), InlineData(4, 3_600)]
    public void The_next_attempt_comes_after_its_pause_and_at_most_a_tenth_later(int made, int seconds)
    {
        DeliverySchedule.Next(made, Now, null, 0).ShouldBe(Now.AddSeconds(seconds));
        DeliverySchedule.Next(made, Now, null, 1).ShouldBe(Now.AddSeconds(seconds * 1.1));
        DeliverySchedule.Next(made, Now, TimeSpan.FromMinutes(50), 0).ShouldBe(Now.AddSeconds(Math.Max(seconds, 3_000)));
    }

    [Fact]
    public void After_the_fifth_attempt_there_is_none() => DeliverySchedule.Next(5, Now, TimeSpan.FromMinutes(1), 0).ShouldBeNull();

    [Theory]
    [InlineData("120", 120), InlineData("31536000", 3_600), InlineData("99999999999999999999", 3_600), InlineData("-5", null), InlineData("0", null)]
    [InlineData("Fri, 20 Nov 2026 09:10:00 GMT", 600), InlineData("Fri, 20 Nov 2099 09:10:00 GMT", 3_600), InlineData("Fri, 20 Nov 2020 09:10:00 GMT", null)]
    [InlineData("soon", null), InlineData("", null), InlineData("1.5", null)]
    public void A_receiver_may_ask_for_a_wait_of_up_to_an_hour(string header, int? seconds)
    {
        using var answer = new HttpResponseMessage();
        answer.Headers.TryAddWithoutValidation("Retry-After", header);
        DeliverySchedule.RetryAfter(answer.Headers, Now).ShouldBe(seconds is { } s ? TimeSpan.FromSeconds(s) : null);
    }

    [Theory]
    [InlineData(200, "Delivered"), InlineData(204, "Delivered"), InlineData(301, "Final"), InlineData(302, "Final"), InlineData(400, "Final"), InlineData(401, "Final")]
    [InlineData(404, "Final"), InlineData(408, "Retry"), InlineData(410, "Gone"), InlineData(429, "Retry"), InlineData(500, "Retry"), InlineData(503, "Retry"), InlineData(599, "Retry")]
    public void An_answer_is_judged_by_its_status(int status, string kind) => Verdict.Of(Answer(status, "x"u8.ToArray()), Now).Kind.ToString().ShouldBe(kind);

    [Fact]
    public void At_most_a_kilobyte_of_text_is_kept_and_nothing_that_is_no_text()
    {
        Verdict.Of(Answer(200, Encoding.UTF8.GetBytes(new string('é', 2_000))), Now).Text!.Length.ShouldBe(512);
        Verdict.Of(Answer(200, [0x1f, 0x8b, 8, 0, 0xff]), Now).Text.ShouldBeNull();
        Verdict.Of(Answer(200, [.. Encoding.UTF8.GetBytes(new string('a', 1_023)), .. "é"u8.ToArray()]), Now).Text!.Length.ShouldBe(1_023);
    }

    [Theory]
    [InlineData("api_key.*", "api_key.created", "api_key.created"), InlineData("*", "budget.warning", "budget.warning"), InlineData("api_key.created", "api_key.revoked", null)]
    [InlineData("call.started", "call.initiated", "call.started"), InlineData("agent.intent_detected", "agent.intent.detected", "agent.intent_detected")]
    [InlineData("auth.mfa.*", "auth.mfa.enabled", "auth.mfa.enabled"), InlineData("api.*", "api_key.created", null)]
    public void A_filter_takes_names_groups_and_aliases(string pattern, string type, string? name)
    {
        var filter = EventFilter.Read([pattern]);
        filter.NameOf(type).ShouldBe(name);
    }

    [Theory]
    [InlineData("api_keys.created"), InlineData("api.*"), InlineData(".*"), InlineData("api_key*"), InlineData("")]
    public void A_filter_that_takes_nothing_is_refused(string pattern) => EventFilter.Parse([pattern]).Fault!.Code.ShouldBe("invalid_request");

    [Fact]
    public void A_secret_signs_by_its_text_and_by_its_bytes()
    {
        var made = WebhookSecret.New();
        WebhookSecret.StandardKey(made).Length.ShouldBe(32);
        WebhookSecret.TextKey(made).ShouldBe(Encoding.UTF8.GetBytes(made.Reveal()));
        var own = new SecretText("my own secret");
        WebhookSecret.StandardKey(own).ShouldBe(WebhookSecret.TextKey(own));
        WebhookSecret.Take(new SecretText("whsec_" + Convert.ToBase64String(new byte[23]))).Fault.ShouldNotBeNull();
        WebhookSecret.Take(new SecretText("whsec_" + Convert.ToBase64String(new byte[65]))).Fault.ShouldNotBeNull();
        WebhookSecret.Take(new SecretText("whsec_" + Convert.ToBase64String(new byte[64]))).Fault.ShouldBeNull();
    }

    [Theory]
    [InlineData("Host"), InlineData("Transfer-Encoding"), InlineData("Proxy-Authorization"), InlineData("webhook-signature")]
    [InlineData("X-Crew-Event"), InlineData("X-Forwarded-For"), InlineData("a b")]
    public void Headers_that_are_not_the_customers_are_refused(string name) =>
        CustomHeaders.Check(new Dictionary<string, SecretText> { [name] = new("x") }).ShouldNotBeNull();

    [Fact]
    public void A_header_of_the_customers_own_is_taken() =>
        CustomHeaders.Check(new Dictionary<string, SecretText> { ["Authorization"] = new("Bearer abc"), ["X-Api-Token"] = new("x") }).ShouldBeNull();

    private static Outcome<EgressResponse> Answer(int status, byte[] body)
    {
        using var message = new HttpResponseMessage();
        return new EgressResponse(status, message.Headers, message.Content.Headers, body, false);
    }
}

using System.Security.Cryptography;
using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Storage;
using Crew.Webhooks.Delivery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Crew.Webhooks.Endpoints;

internal static class VerifyEndpoint
{
    private const string ChallengeType = "webhook.challenge";
    private const int ChallengeBytes = 24;

    /// <summary>Takes no fields; a body, if there is one, is an empty object.</summary>
    internal sealed record Request;

    /// <summary>Whether the endpoint has shown that it is yours.</summary>
    internal sealed record Answer(bool Verified, int? Status, string? Error, DateTimeOffset? VerifiedAt);

    public static void Map(RouteGroupBuilder webhooks) =>
        webhooks.MapPost("/{id}/verify", Handle)
            .WithName("Webhooks.Verify")
            .WithSummary("Challenge an endpoint: it receives {\"type\": \"webhook.challenge\", \"challenge\": …}, signed, and shows that it is yours by a 2xx answer that holds the challenge.")
            .Requires(CrewSource.None, EndpointAccess.Write)
            .Audited("webhook.updated");

    private static async Task<Reply<Answer>> Handle(
        string id, Body<Request> body, Call call, Store store, EndpointDirectory directory, DeliverySender sender, DeliveryInbox inbox, TimeProvider clock,
        CancellationToken cancel)
    {
        var isThere = await store.ReadAsync(call.Tenant, async db => await EndpointAccess.FindAsync(db, id, call) is not null, cancel);
        if (!isThere || directory.Find(id) is not { } endpoint)
        {
            return Faults.NotFound;
        }

        if (body.Fault is { } broken)
        {
            return broken;
        }

        var challenge = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(ChallengeBytes));
        var bytes = JsonSerializer.SerializeToUtf8Bytes(new { type = ChallengeType, challenge }, ApiJson.Options);
        var verdict = await sender.PostAsync(endpoint, Id.New(IdPrefix.Event, clock), ChallengeType, Id.New(IdPrefix.Delivery, clock), bytes, cancel);
        if (verdict.Kind != VerdictKind.Delivered || verdict.Text?.Contains(challenge, StringComparison.Ordinal) != true)
        {
            return new Answer(false, verdict.Status, verdict.Error ?? "challenge_not_answered", null);
        }

        var now = clock.GetUtcNow();
        var verified = await store.ChangeAsync<bool>(call.Tenant, call.Origin, async db =>
        {
            if (await EndpointAccess.FindAsync(db, id, call) is not { } row || new Uri(row.Url) != endpoint.Url)
            {
                return Faults.NotFound;
            }

            row.VerifiedAt = now;
            row.Version++;
            db.Raise(EndpointAccess.Happened(row, "webhook.updated", new FieldChange("verified_at", null, Timestamp.ToText(now))));
            db.Touch(EndpointDirectory.FeedTopic, row.Id);
            await Replay.NudgeAsync(db, id, now, inOrder: true);
            return true;
        }, cancel);
        inbox.Nudge();
        return verified.Failed(out var fault) ? fault : new Answer(true, verdict.Status, null, now);
    }
}

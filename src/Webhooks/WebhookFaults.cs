using Crew.Kernel;

namespace Crew.Webhooks;

/// <summary>The refusals of this module.</summary>
internal static class WebhookFaults
{
    public static readonly Fault CrewRequired = new Fault("crew_required", 400,
        "These events belong to a crew and none was named. Send crew_id, or ask for events of the workspace only (GET /v1/event-types shows the level of each).")
        .At("crew_id");

    public static readonly Fault NotVerified = new("webhook_not_verified", 409,
        "This endpoint has not proven that it is yours, so nothing is sent to it. Answer its challenge (POST /v1/webhooks/{id}/verify) first.");

    public static readonly Fault SecretUnreadable = new("internal_error", 500, "The secret of this endpoint cannot be opened. Rotate it: POST /v1/webhooks/{id}/rotate-secret.");
}

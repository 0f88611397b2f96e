using System.Collections.Frozen;

namespace Crew.Api.Tests;

/// <summary>
/// The rows of the matrix: each endpoint, and the kind of thing that the id on its path is of (empty for none). An endpoint without a row fails the
/// build, and so does a row without an endpoint.
/// </summary>
internal static class MatrixRows
{
    private const string Keys = "api-keys";
    private const string Models = "gateway/models";

    public static readonly FrozenDictionary<string, string> All = new Dictionary<string, string>
    {
        ["GET /v1/api-keys"] = "",
        ["POST /v1/api-keys"] = "",
        ["POST /v1/api-keys/leaks"] = "",
        ["POST /v1/api-keys/leaks/github"] = "",
        ["GET /v1/api-keys/{id}"] = Keys,
        ["PATCH /v1/api-keys/{id}"] = Keys,
        ["DELETE /v1/api-keys/{id}"] = Keys,
        ["POST /v1/api-keys/{id}/roll"] = Keys,
        ["GET /v1/api-keys/{id}/tree"] = Keys,
        ["GET /v1/api-keys/{id}/usage"] = Keys,
        ["GET /v1/access-reviews"] = "",
        ["POST /v1/access-reviews"] = "",
        ["GET /v1/access-reviews/{id}"] = "access-reviews",
        ["GET /v1/access-reviews/{id}/items"] = "access-reviews",
        ["GET /v1/access-reviews/{id}/report"] = "access-reviews",
        ["POST /v1/access-reviews/{id}/decisions"] = "access-reviews",
        ["GET /v1/alerts"] = "",
        ["POST /v1/alerts"] = "",
        ["GET /v1/alerts/{id}"] = "alerts",
        ["POST /v1/alerts/{id}/acknowledge"] = "alerts",
        ["GET /v1/alert-rules"] = "",
        ["GET /v1/alert-rules/{kind}"] = "alert-rules",
        ["PATCH /v1/alert-rules/{kind}"] = "alert-rules",
        ["DELETE /v1/alert-rules/{kind}"] = "alert-rules",
        ["POST /v1/audio/speech"] = "",
        ["POST /v1/audio/transcriptions"] = "",
        ["POST /v1/audio/translations"] = "",
        ["GET /v1/audit-logs"] = "",
        ["GET /v1/audit-logs/export"] = "",
        ["GET /v1/audit-logs/{id}"] = "audit-logs",
        ["GET /v1/auth/tokens"] = "",
        ["POST /v1/auth/tokens"] = "",
        ["POST /v1/auth/tokens/refresh"] = "",
        ["POST /v1/auth/tokens/revoke"] = "",
        ["GET /v1/auth/tokens/{id}"] = "auth/tokens",
        ["DELETE /v1/auth/tokens/{id}"] = "auth/tokens",
        ["GET /v1/budgets"] = "",
        ["POST /v1/budgets"] = "",
        ["GET /v1/budgets/{id}"] = "budgets",
        ["PATCH /v1/budgets/{id}"] = "budgets",
        ["DELETE /v1/budgets/{id}"] = "budgets",
        ["GET /v1/budgets/{id}/explain"] = "budgets",
        ["POST /v1/chat/completions"] = "",
        ["POST /v1/completions"] = "",
        ["GET /v1/crews"] = "",
        ["POST /v1/crews"] = "",
        ["GET /v1/crews/{id}"] = "crews",
        ["PATCH /v1/crews/{id}"] = "crews",
        ["GET /v1/crews/{id}/access"] = "crews",
        ["POST /v1/embeddings"] = "",
        ["GET /v1/gateway/models"] = "",
        ["POST /v1/gateway/models"] = "",
        ["GET /v1/gateway/models/{id}"] = Models,
        ["PATCH /v1/gateway/models/{id}"] = Models,
        ["DELETE /v1/gateway/models/{id}"] = Models,
        ["GET /v1/gateway/providers"] = "",
        ["POST /v1/gateway/providers"] = "",
        ["GET /v1/gateway/providers/{id}"] = "gateway/providers",
        ["PATCH /v1/gateway/providers/{id}"] = "gateway/providers",
        ["DELETE /v1/gateway/providers/{id}"] = "gateway/providers",
        ["POST /v1/gateway/providers/{id}/test"] = "gateway/providers",
        ["GET /v1/gateway/requests"] = "",
        ["GET /v1/gateway/requests/{request_id}"] = "gateway/requests",
        ["GET /v1/gateway/targets"] = "",
        ["GET /v1/gateway/usage"] = "",
        ["GET /v1/gateway/usage/export"] = "",
        ["POST /v1/images/edits"] = "",
        ["POST /v1/images/generations"] = "",
        ["POST /v1/images/variations"] = "",
        ["GET /v1/invitations"] = "",
        ["POST /v1/invitations"] = "",
        ["GET /v1/invitations/{id}"] = "invitations",
        ["DELETE /v1/invitations/{id}"] = "invitations",
        ["GET /v1/me"] = "",
        ["GET /v1/members"] = "",
        ["GET /v1/members/{id}"] = "members",
        ["PATCH /v1/members/{id}"] = "members",
        ["DELETE /v1/members/{id}"] = "members",
        ["POST /v1/messages"] = "",
        ["POST /v1/messages/count_tokens"] = "",
        ["GET /v1/models"] = "",
        ["GET /v1/models/{id}"] = Models,
        ["POST /v1/moderations"] = "",
        ["POST /v1/responses"] = "",
        ["GET /v1/sessions"] = "",
        ["DELETE /v1/sessions/{id}"] = "sessions",
        ["GET /v1/workspaces"] = "",
        ["POST /v1/workspaces"] = "",
        ["GET /v1/workspaces/{id}"] = "workspaces",
        ["PATCH /v1/workspaces/{id}"] = "workspaces",
        ["POST /v1/workspaces/{id}/lockdown"] = "workspaces",
        ["POST /v1/workspaces/{id}/resume"] = "workspaces",
        ["POST /v1/workspaces/{id}/suspend"] = "workspaces",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> Prefixes = new Dictionary<string, string>
    {
        [Keys] = "key_", ["access-reviews"] = "rev_", ["alerts"] = "alert_", ["audit-logs"] = "log_", ["auth/tokens"] = "tok_", ["budgets"] = "bud_", ["crews"] = "crew_",
        ["gateway/providers"] = "prov_", ["gateway/requests"] = "req_", ["invitations"] = "inv_", ["members"] = "mem_", ["sessions"] = "sess_", ["workspaces"] = "ws_",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>An id of the right form that nothing has.</summary>
    public static string MissingId(ApiOperation operation) => !operation.HasId ? ""
        : Prefixes.TryGetValue(All[operation.Name], out var prefix) ? prefix + "01k9x2f7m3q8t0v5w6y4z1a2bc" : "nothing-of-that-name";

    /// <summary>Endpoints that do something without a body or an id: calling them to see who may would do it.</summary>
    public static bool Acts(ApiOperation operation) => operation.Name is "POST /v1/access-reviews";
}

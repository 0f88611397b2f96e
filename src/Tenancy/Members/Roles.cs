using Crew.Kernel;

namespace Crew.Tenancy.Members;

/// <summary>
/// The roles as data: role × permission × environment. The table in the docs is printed from here, and the tests read it.
/// </summary>
internal static class Roles
{
    public const string Owner = "owner";
    public const string Admin = "admin";
    public const string Member = "member";
    public const string Viewer = "viewer";
    public const string OrganizationOwner = "org_owner";
    public const string OrganizationAdmin = "org_admin";
    public const string OrganizationBilling = "org_billing";

    private static readonly string[] MemberReads =
    [
        "agents", "pathways", "knowledge", "memory", "integrations", "channels", "calls", "messages", "campaigns", "contacts", "appointments",
        "analytics", "usage", "webhooks", "crews", "workspace", "models",
    ];

    private static readonly PermissionSet MemberEverywhere = PermissionSet.Of(
    [
        .. MemberReads.Select(r => $"{r}:read"),
        .. new[] { "knowledge", "memory", "calls", "messages", "campaigns", "contacts", "appointments" }.Select(r => $"{r}:write"),
        "transcripts:read", "models:invoke", "calls:place", "api_keys:self",
    ]);

    /// <summary>What a membership without <c>content_access</c> does not reach: what people have said and written, and who they are.</summary>
    public static readonly PermissionSet Content = PermissionSet.Of(
    [
        .. new[] { "transcripts", "recordings", "messages", "memory", "contacts", "privacy" }.SelectMany(r => new[] { $"{r}:read", $"{r}:write" }),
        "exports:create",
    ]);

    private static readonly PermissionSet MemberEdits = PermissionSet.Of(
        "agents:write", "pathways:write", "integrations:write", "channels:write", "promotions:write");

    private static readonly PermissionSet ViewerReads = PermissionSet.Of(
        "agents:read", "pathways:read", "knowledge:read", "calls:read", "analytics:read", "usage:read", "crews:read", "workspace:read", "models:read");

    public static readonly IReadOnlyList<string> OfWorkspace = [Owner, Admin, Member, Viewer];

    public static readonly IReadOnlyList<string> OfOrganization = [OrganizationOwner, OrganizationAdmin, OrganizationBilling];

    /// <summary>What a workspace role may do in a crew of an environment, under the workspace's two settings.</summary>
    public static PermissionSet InWorkspace(string role, CrewEnvironment environment, bool membersMayEditProduction, bool viewersMayReadTranscripts) => role switch
    {
        Owner => Permissions.All,
        Admin => Permissions.All.Except(PermissionSet.Of("billing:write")),
        Member when environment == CrewEnvironment.Production && !membersMayEditProduction => MemberEverywhere,
        Member => MemberEverywhere.Union(MemberEdits),
        Viewer => viewersMayReadTranscripts ? ViewerReads.With(Permissions.Of("transcripts:read")) : ViewerReads,
        _ => PermissionSet.None,
    };

    /// <summary>What an organization role may do at organization level. No workspace role implies one.</summary>
    public static PermissionSet InOrganization(string role) => role switch
    {
        OrganizationOwner => OrganizationOwnerRights,
        OrganizationAdmin => OrganizationOwnerRights.Except(Billing),
        OrganizationBilling => PermissionSet.Of("usage:read", "billing:read", "billing:write", "budgets:read", "budgets:write"),
        _ => PermissionSet.None,
    };

    private static readonly PermissionSet Billing = PermissionSet.Of("billing:read", "billing:write");

    private static readonly PermissionSet OrganizationOwnerRights = PermissionSet.Of(
    [
        .. new[] { "organization", "workspaces", "domains", "sso", "scim", "providers", "models", "budgets", "billing" }.SelectMany(r => new[] { $"{r}:read", $"{r}:write" }),
        "usage:read", "audit:read",
    ]);
}

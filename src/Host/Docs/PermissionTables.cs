using System.Text;
using System.Text.Json.Nodes;
using Crew.Kernel;
using Crew.Tenancy.Contracts;

namespace Crew.Host.Docs;

/// <summary>The page of permissions as Markdown, made from the routes and the table of roles. It is served and committed alike.</summary>
internal static class PermissionTables
{
    private const string Setting = "members_may_edit_production";
    private const string TranscriptSetting = "viewers_may_read_transcripts";

    public static string Markdown(JsonObject document)
    {
        var text = new StringBuilder();
        Line(text, "# Permissions", "", "Made from the code; a test compares this page with it.", "",
            "A permission is `resource:action`. `write` does not imply `read`. `*:read`, `*:write` and `*` cover the workspace's resources; the special",
            "permissions (`models:invoke`, `calls:place`, `exports:create`, `tokens:create`, `api_keys:self`) come only by name or by `*`.",
            "A missing permission is 403 `insufficient_permissions`; the wrong workspace, crew or environment is 404 `not_found`.", "", "## Endpoints", "",
            "The crew column says where the crew of a request comes from: its path, its body, the header `X-Crew-Id`, or none. Workspace-level",
            "endpoints answer credentials that are bound to test mode, an environment or a crew with 404.", "");
        Endpoints(text, document);
        Line(text, "", "## Workspace roles", "",
            "Per role: the environments in whose crews it has the permission. *(setting)* means: only with the named workspace setting.", "");
        WorkspaceRoles(text);
        Line(text, "", $"The settings: `{Setting}` for members in production, `{TranscriptSetting}` for viewers.", "",
            "A master key counts as `admin`, an account master also as `org_owner`. Other keys carry the permissions that they were given, never more",
            "than their maker's.",
            "", "## Organization roles", "", "At organization level; no workspace role implies one.", "");
        OrganizationRoles(text);
        return text.ToString();
    }

    private static void Endpoints(StringBuilder text, JsonObject document)
    {
        Line(text, "| endpoint | permission | crew | workspace level | audit events |", "| --- | --- | --- | --- | --- |");
        foreach (var operation in Operation.All(document))
        {
            var permission = operation.Permissions is ["anonymous" or "authenticated"] ? operation.Permissions[0] : Codes(operation.Permissions, " or ");
            var level = operation.IsWorkspaceLevel ? "yes" : "no";
            var events = Codes(operation.AuditEvents, ", ");
            Line(text, $"| `{operation.Method} {operation.Path}` | {permission} | {operation.CrewSource} | {level} | {events} |");
        }
    }

    private static void WorkspaceRoles(StringBuilder text)
    {
        Head(text, RoleTable.WorkspaceRoles);
        foreach (var permission in Permissions.All.ToNames())
        {
            Line(text, $"| `{permission}` | {string.Join(" | ", RoleTable.WorkspaceRoles.Select(role => Cell(role, Permissions.Of(permission))))} |");
        }
    }

    private static string Cell(string role, Permission permission)
    {
        bool Has(CrewEnvironment environment, bool withSettings) => RoleTable.InWorkspace(role, environment, withSettings, withSettings).Has(permission);
        var always = CrewEnvironments.All.Where(e => Has(e, withSettings: false)).ToList();
        var sometimes = CrewEnvironments.All.Where(e => Has(e, withSettings: true)).Except(always).ToList();
        return (always.Count, sometimes.Count) switch
        {
            (0, 0) => "–",
            (_, 0) => Names(always),
            (0, _) => $"{Names(sometimes)} *(setting)*",
            _ => $"{Names(always)}; {Names(sometimes)} *(setting)*",
        };
    }

    private static string Names(List<CrewEnvironment> environments) =>
        environments.Count == CrewEnvironments.All.Count ? "all" : string.Join(", ", environments.Select(e => e.ToName()));

    private static void OrganizationRoles(StringBuilder text)
    {
        var all = RoleTable.OrganizationRoles.Aggregate(PermissionSet.None, (set, role) => set.Union(RoleTable.InOrganization(role)));
        Head(text, RoleTable.OrganizationRoles);
        foreach (var permission in all.ToNames())
        {
            var cells = RoleTable.OrganizationRoles.Select(role => RoleTable.InOrganization(role).Has(Permissions.Of(permission)) ? "yes" : "–");
            Line(text, $"| `{permission}` | {string.Join(" | ", cells)} |");
        }
    }

    private static void Head(StringBuilder text, IReadOnlyList<string> roles) =>
        Line(text, $"| permission | {string.Join(" | ", roles)} |", $"| --- |{string.Concat(roles.Select(_ => " --- |"))}");

    private static string Codes(IReadOnlyList<string> names, string separator) =>
        names.Count == 0 ? "–" : string.Join(separator, names.Select(n => $"`{n}`"));

    private static void Line(StringBuilder text, params string[] lines)
    {
        foreach (var line in lines)
        {
            text.Append(line).Append('\n');
        }
    }
}

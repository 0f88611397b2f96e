using System.Text.Json.Nodes;

namespace Crew.Host.Docs;

/// <summary>One operation as the pages read it from the API document.</summary>
internal sealed record Operation(string Method, string Path, JsonObject Node)
{
    public string Id => Node["operationId"]!.GetValue<string>();

    /// <summary>The fragment of its place on the page.</summary>
    public string Anchor => Id.ToLowerInvariant().Replace('.', '-');

    public string Summary => Node["summary"]!.GetValue<string>();

    public string? Description => Node["description"]?.GetValue<string>();

    public string Tag => Node["tags"]![0]!.GetValue<string>();

    public string CrewSource => Node["x-crew-crew-source"]!.GetValue<string>();

    public bool IsWorkspaceLevel => Node["x-crew-workspace-level"]!.GetValue<bool>();

    /// <summary>Permissions of which one is needed, or the single word anonymous or authenticated.</summary>
    public IReadOnlyList<string> Permissions =>
        Node["x-crew-permission"] is JsonArray several ? Texts(several) : [Node["x-crew-permission"]!.GetValue<string>()];

    public IReadOnlyList<string> AuditEvents => Texts(Node["x-crew-audit-events"]!.AsArray());

    public IReadOnlyList<string> ErrorCodes => Texts(Node["x-crew-error-codes"]!.AsArray());

    /// <summary>Schema and example of the request body.</summary>
    public JsonObject? Body => Node["requestBody"]?["content"]?["application/json"]?.AsObject();

    public IEnumerable<(string Status, JsonObject Answer)> Successes => Node["responses"]!.AsObject()
        .Where(r => r.Key.StartsWith('2')).Select(r => (r.Key, r.Value!.AsObject()));

    public static IEnumerable<Operation> All(JsonObject document) =>
        from path in document["paths"]!.AsObject()
        from method in path.Value!.AsObject()
        select new Operation(method.Key.ToUpperInvariant(), path.Key, method.Value!.AsObject());

    private static string[] Texts(JsonArray array) => [.. array.Select(t => t!.GetValue<string>())];
}

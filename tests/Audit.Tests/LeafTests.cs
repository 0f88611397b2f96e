using System.Security.Cryptography;
using System.Text.Json;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Audit.Tests;

public sealed class LeafTests
{
    [Fact]
    public void The_documented_vectors_hold()
    {
        var page = File.ReadAllText(Path.Combine(SourceTree.Root, "docs/security/audit-log.md"));
        var json = page[(page.IndexOf("```json", StringComparison.Ordinal) + 7)..];
        var vectors = JsonElement.Parse(json[..json.IndexOf("```", StringComparison.Ordinal)]).EnumerateArray().ToList();
        vectors.Count.ShouldBe(3);
        foreach (var vector in vectors)
        {
            var record = vector.GetProperty("record");
            var (fields, sequence) = (FieldsOf(record, SaltsOf(vector)), record.GetProperty("sequence").GetInt64());
            var canonical = Leaf.Canonical(fields, sequence);
            Convert.ToHexStringLower(SHA256.HashData(canonical)).ShouldBe(vector.GetProperty("canonical_sha256").GetString());
            Convert.ToHexStringLower(Leaf.Hash(fields, sequence)).ShouldBe(vector.GetProperty("leaf_hash").GetString());
        }

        var first = System.Text.Encoding.UTF8.GetString(Leaf.Canonical(FieldsOf(vectors[0].GetProperty("record"), SaltsOf(vectors[0])), 1));
        page.ShouldContain(first);
    }

    [Fact]
    public async Task A_leaf_is_canonical_JSON_whatever_the_record_holds()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        Event[] events =
        [
            new("api_key.used"),
            new("agent.updated", new Resource("agent", "agent_1", "\u0001\"\\/ é 😀\u2028"))
            {
                Reason = "why", CrewId = "crew_1", Outcome = "failure",
                Changes = [new FieldChange("a", 0.1, 1e21), new FieldChange("b", new Dictionary<string, object?> { ["é"] = 1, ["e"] = "\n" }, null)],
            },
        ];
        foreach (var happened in events)
        {
            var canonical = Leaf.Canonical(bed.Trail.Build(bed.Acme, bed.ByKey(), happened, 200).Fields, 7);
            var again = CanonicalJson.Of(canonical);
            again.Fault.ShouldBeNull();
            again.Value.ShouldBe(canonical);
        }
    }

    [Fact]
    public void A_commitment_is_the_one_of_the_sealing_foundation()
    {
        var salts = Enumerable.Range(1, 48).Select(n => (byte)n).ToArray();
        var commitments = new Personal("ada@example.com", null, "Mozilla \"5\"").Commit(salts, out _);
        string?[] values = ["ada@example.com", null, "Mozilla \"5\""];
        for (var field = 0; field < 3; field++)
        {
            commitments[(field * 32)..((field * 32) + 32)].ShouldBe(Commitment.Of(salts.AsSpan(field * 16, 16), values[field]));
        }
    }

    [Fact]
    public async Task Erasing_the_person_leaves_a_leaf_that_verifies()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        var id = await bed.UseAsync(bed.Acme, bed.ByKey("192.0.2.44"));
        await bed.SequenceAllAsync();
        var record = (await bed.RecordsAsync()).Single(r => r.Id == id);
        var personal = bed.Seal.Open(record, out var salts).ShouldNotBeNull();
        await Erasure.EraseAsync(bed.Store, id);

        var erased = (await bed.RecordsAsync()).Single(r => r.Id == id);
        var leaf = (await bed.LeavesAsync()).Single();
        erased.Personal.ShouldBeNull();
        bed.Seal.Open(erased).ShouldBeNull();
        Leaf.Hash(erased, leaf.Sequence).ShouldBe(leaf.LeafHash);

        // Who kept the value and its salt can still prove it against the leaf; nobody else can guess it.
        var canonical = JsonElement.Parse(Leaf.Canonical(erased, leaf.Sequence));
        var commitment = Convert.FromHexString(canonical.GetProperty("ip_address").GetProperty("commitment").GetString()!);
        Commitment.Of(salts.AsSpan(16, 16), personal.Ip).ShouldBe(commitment);
        Commitment.Of(salts.AsSpan(0, 16), personal.Ip).ShouldNotBe(commitment);
    }

    [Fact]
    public async Task Any_changed_field_changes_the_leaf()
    {
        await using var bed = await AuditBed.StartAsync("sqlite");
        var fields = bed.Trail.Build(bed.Acme, bed.ByKey(), new Event("api_key.used"), 200).Fields;
        var before = Leaf.Hash(fields, 1);
        Leaf.Hash(fields, 2).ShouldNotBe(before);
        fields.Commitments[40] ^= 1;
        Leaf.Hash(fields, 1).ShouldNotBe(before);
        fields.Commitments[40] ^= 1;
        fields.Outcome = "denied";
        Leaf.Hash(fields, 1).ShouldNotBe(before);
    }

    private static byte[] SaltsOf(JsonElement vector) =>
        [.. vector.GetProperty("salts").EnumerateObject().SelectMany(salt => Convert.FromHexString(salt.Value.GetString()!))];

    private static RecordFields FieldsOf(JsonElement record, byte[] salts)
    {
        var (actor, resource) = (record.GetProperty("actor"), record.GetProperty("resource"));
        var changes = record.GetProperty("changes");
        var named = resource.ValueKind == JsonValueKind.Object;
        return new RecordFields
        {
            Id = Text(record, "id")!,
            At = DateTimeOffset.Parse(Text(record, "timestamp")!).ToUnixTimeMilliseconds(),
            WorkspaceId = Text(record, "workspace_id"),
            EventType = Text(record, "event_type")!,
            Outcome = Text(record, "outcome")!,
            Reason = Text(record, "reason"),
            ActorType = Text(actor, "type")!,
            ActorId = Text(actor, "id")!,
            ActorLast4 = Text(actor, "key_last4"),
            ResourceType = named ? Text(resource, "type") : null,
            ResourceId = named ? Text(resource, "id") : null,
            ResourceName = named ? Text(resource, "name") : null,
            CrewId = Text(record, "crew_id"),
            RequestId = Text(record, "request_id"),
            Changes = changes.GetArrayLength() == 0 ? null : System.Text.Encoding.UTF8.GetString(CanonicalJson.Of(changes).Value),
            Commitments = new Personal(Text(actor, "email"), Text(record, "ip_address"), Text(record, "user_agent")).Commit(salts, out _),
        };
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();
}

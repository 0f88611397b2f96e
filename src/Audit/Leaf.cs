using System.Buffers;
using System.Security.Cryptography;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Audit;

/// <summary>
/// The leaf of a record: the RFC 8785 canonical JSON of its documented fields, with commitments in the place of personal values, and
/// its hash as RFC 6962 section 2.1 makes it, SHA-256(0x00 || canonical bytes). Fixed for good: docs/security/audit-log.md
/// holds the vectors.
/// </summary>
internal static class Leaf
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _scratch;

    public static byte[] Canonical(RecordFields record, long sequence)
    {
        var target = new ArrayBufferWriter<byte>(1_024);
        Write(target, record, sequence);
        return target.WrittenSpan.ToArray();
    }

    public static byte[] Hash(RecordFields record, long sequence)
    {
        var scratch = _scratch ??= new ArrayBufferWriter<byte>(4_096);
        scratch.ResetWrittenCount();
        scratch.Write([(byte)0]);
        Write(scratch, record, sequence);
        return SHA256.HashData(scratch.WrittenSpan);
    }

    /// <summary>Members stand in the order of their names, which is the canonical one.</summary>
    private static void Write(ArrayBufferWriter<byte> target, RecordFields record, long sequence)
    {
        target.Write("{\"actor\":{\"email\":"u8);
        Committed(target, record, 0);
        Member(target, ",\"id\":"u8, record.ActorId);
        Member(target, ",\"key_last4\":"u8, record.ActorLast4);
        Member(target, ",\"type\":"u8, record.ActorType);
        target.Write("},\"changes\":"u8);
        Raw(target, record.Changes ?? "[]");
        Member(target, ",\"crew_id\":"u8, record.CrewId);
        Member(target, ",\"event_type\":"u8, record.EventType);
        Member(target, ",\"id\":"u8, record.Id);
        target.Write(",\"ip_address\":"u8);
        Committed(target, record, 1);
        Member(target, ",\"outcome\":"u8, record.Outcome);
        Member(target, ",\"reason\":"u8, record.Reason);
        Member(target, ",\"request_id\":"u8, record.RequestId);
        target.Write(",\"resource\":"u8);
        Resource(target, record);
        target.Write(",\"sequence\":"u8);
        CanonicalJson.AppendNumber(target, sequence);
        Member(target, ",\"timestamp\":"u8, Timestamp.ToText(DateTimeOffset.FromUnixTimeMilliseconds(record.At)));
        target.Write(",\"user_agent\":"u8);
        Committed(target, record, 2);
        Member(target, ",\"workspace_id\":"u8, record.WorkspaceId);
        target.Write("}"u8);
    }

    private static void Resource(ArrayBufferWriter<byte> target, RecordFields record)
    {
        if (record.ResourceType is null)
        {
            target.Write("null"u8);
            return;
        }

        Member(target, "{\"id\":"u8, record.ResourceId);
        Member(target, ",\"name\":"u8, record.ResourceName);
        Member(target, ",\"type\":"u8, record.ResourceType);
        target.Write("}"u8);
    }

    private static void Member(ArrayBufferWriter<byte> target, ReadOnlySpan<byte> name, string? value)
    {
        target.Write(name);
        if (value is null)
        {
            target.Write("null"u8);
        }
        else
        {
            CanonicalJson.AppendString(target, value);
        }
    }

    private static void Committed(ArrayBufferWriter<byte> target, RecordFields record, int field)
    {
        target.Write("{\"commitment\":\""u8);
        var hex = target.GetSpan(2 * Commitment.Bytes);
        Convert.TryToHexStringLower(record.Commitments.AsSpan(field * Commitment.Bytes, Commitment.Bytes), hex, out var written);
        target.Advance(written);
        target.Write("\"}"u8);
    }

    /// <summary>The changes are kept in canonical form already.</summary>
    private static void Raw(ArrayBufferWriter<byte> target, string json) =>
        target.Advance(System.Text.Encoding.UTF8.GetBytes(json, target.GetSpan(System.Text.Encoding.UTF8.GetMaxByteCount(json.Length))));
}

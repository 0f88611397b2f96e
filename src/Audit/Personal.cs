using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Crew.Sealing;

namespace Crew.Audit;

/// <summary>
/// The personal fields of a record: e-mail of the actor, IP address, user agent. The record carries a salted commitment to each
/// (always three, so that an absent value looks like any other) and, sealed, the values with their salts. Who erases the sealed part
/// leaves a record whose leaf still verifies, and from which nobody reads the person.
/// </summary>
internal sealed record Personal(string? Email, string? Ip, string? UserAgent)
{
    public const int SaltBytes = 16;
    private const int Fields = 3;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _scratch;

    [ThreadStatic]
    private static IncrementalHash? _sha256;

    /// <summary>
    /// Commits to the three fields and writes them with their salts, to be sealed. The commitments are those of
    /// <see cref="Commitment"/>, made here without its allocations: this runs for every request.
    /// </summary>
    public byte[] Commit(ReadOnlySpan<byte> salts, out ReadOnlySpan<byte> clear)
    {
        var scratch = _scratch ??= new ArrayBufferWriter<byte>(2_048);
        var sha256 = _sha256 ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var commitments = new byte[Fields * Commitment.Bytes];
        for (var field = 0; field < Fields; field++)
        {
            scratch.ResetWrittenCount();
            scratch.Write(salts.Slice(field * SaltBytes, SaltBytes));
            Text(scratch, Field(field));
            sha256.AppendData(scratch.WrittenSpan);
            sha256.GetHashAndReset(commitments.AsSpan(field * Commitment.Bytes));
        }

        scratch.ResetWrittenCount();
        scratch.Write("{\"email\":"u8);
        Text(scratch, Email);
        scratch.Write(",\"ip\":"u8);
        Text(scratch, Ip);
        scratch.Write(",\"salts\":\""u8);
        var room = scratch.GetSpan(Base64Url.GetEncodedLength(salts.Length));
        scratch.Advance(Base64Url.EncodeToUtf8(salts, room));
        scratch.Write("\",\"user_agent\":"u8);
        Text(scratch, UserAgent);
        scratch.Write("}"u8);
        clear = scratch.WrittenSpan;
        return commitments;
    }

    /// <summary>Reads what <see cref="Commit"/> has written.</summary>
    public static Personal Parse(ReadOnlyMemory<byte> clear, out byte[] salts)
    {
        using var json = JsonDocument.Parse(clear);
        var root = json.RootElement;
        salts = Base64Url.DecodeFromChars(root.GetProperty("salts").GetString());
        return new Personal(root.GetProperty("email").GetString(), root.GetProperty("ip").GetString(), root.GetProperty("user_agent").GetString());
    }

    private string? Field(int field) => field switch
    {
        0 => Email,
        1 => Ip,
        _ => UserAgent,
    };

    private static void Text(ArrayBufferWriter<byte> target, string? text)
    {
        if (text is null)
        {
            target.Write("null"u8);
        }
        else
        {
            CanonicalJson.AppendString(target, text);
        }
    }
}

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Crew.Sealing;

namespace Crew.Identity.Mfa;

/// <summary>Codes of an authenticator app: RFC 6238 with what every app knows (HMAC-SHA-1, six digits, steps of 30 seconds).</summary>
internal static class Totp
{
    public const int SecretBytes = 20;
    private const int StepSeconds = 30;
    private const int Digits = 6;

    /// <summary>Steps around the present one whose code is taken: a clock may be half a minute off (RFC 6238 section 5.2).</summary>
    private const int Drift = 1;

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>The step whose code this is, if it is one of those around now and later than the last one taken.</summary>
    public static long? Match(ReadOnlySpan<byte> secret, string? code, long lastStep, DateTimeOffset now)
    {
        var typed = new string([.. (code ?? "").Where(char.IsAsciiDigit)]);
        var present = now.ToUnixTimeSeconds() / StepSeconds;
        long? match = null;
        for (var step = present - Drift; step <= present + Drift; step++)
        {
            if (ConstantTime.Equals(Code(secret, step).AsSpan(), typed.AsSpan()) && step > lastStep)
            {
                match = step;
            }
        }

        return match;
    }

    /// <summary>The code of a moment.</summary>
    public static string CodeAt(ReadOnlySpan<byte> secret, DateTimeOffset at) => Code(secret, at.ToUnixTimeSeconds() / StepSeconds);

    /// <summary>What an app reads from the picture.</summary>
    public static string Uri(ReadOnlySpan<byte> secret, string email) =>
        $"otpauth://totp/Crew:{System.Uri.EscapeDataString(email)}?secret={Base32(secret)}&issuer=Crew";

    public static string Base32(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var (value, bits) = (0, 0);
        foreach (var next in bytes)
        {
            (value, bits) = (((value << 8) | next) & 0xFFFF, bits + 8);
            for (; bits >= 5; bits -= 5)
            {
                text.Append(Alphabet[(value >> (bits - 5)) & 31]);
            }
        }

        return bits > 0 ? text.Append(Alphabet[(value << (5 - bits)) & 31]).ToString() : text.ToString();
    }

    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "HMAC-SHA-1 is what RFC 6238 and the apps use; its weakness is not in HMAC.")]
    private static string Code(ReadOnlySpan<byte> secret, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> mac = stackalloc byte[HMACSHA1.HashSizeInBytes];
        HMACSHA1.HashData(secret, counter, mac);
        var value = BinaryPrimitives.ReadUInt32BigEndian(mac[(mac[^1] & 15)..]) & 0x7FFF_FFFF;
        return (value % 1_000_000).ToString(CultureInfo.InvariantCulture).PadLeft(Digits, '0');
    }
}

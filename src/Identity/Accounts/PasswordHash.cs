using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Crew.Sealing;

namespace Crew.Identity.Accounts;

/// <summary>
/// PBKDF2-HMAC-SHA-512 (RFC 8018 section 5.2) with a salt of its own, written <c>pbkdf2-sha512$iterations$salt$hash</c>. Passwords are
/// compared in Unicode's NFC, so that the same password typed on another machine is the same (NIST SP 800-63B section 3.1.1.2).
/// </summary>
internal static class PasswordHash
{
    public const int Iterations = 210_000;
    private const string Name = "pbkdf2-sha512";
    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    /// <summary>What an unknown address is compared with, so that it takes as long as a known one.</summary>
    public static string Nobody { get; } = Write(Iterations, new byte[SaltBytes], new byte[HashBytes]);

    public static string Of(string password)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return Write(Iterations, salt, Derive(password, salt, Iterations));
    }

    public static bool Matches(string stored, string password)
    {
        var parts = stored.Split('$');
        if (parts is not [Name, var iterations, var salt, var hash])
        {
            throw new InvalidOperationException("A stored password has no form that is known.");
        }

        var derived = Derive(password, Convert.FromBase64String(salt), int.Parse(iterations, CultureInfo.InvariantCulture));
        return ConstantTime.Equals(derived, Convert.FromBase64String(hash));
    }

    private static byte[] Derive(string password, byte[] salt, int iterations) =>
        Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormC)), salt, iterations, HashAlgorithmName.SHA512, HashBytes);

    private static string Write(int iterations, byte[] salt, byte[] hash) =>
        $"{Name}${iterations.ToString(CultureInfo.InvariantCulture)}${Convert.ToBase64String(salt)}${Convert.ToBase64String(hash)}";
}

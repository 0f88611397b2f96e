using System.Text;
using Crew.Sealing;

namespace Crew.Tenancy.Members;

/// <summary>E-mail and name of people: sealed under the installation key, found again by a keyed hash.</summary>
internal static class UserSeal
{
    private const string Table = "tenancy_users";

    /// <summary>What finds an address again, whatever the case it is written in.</summary>
    public static string EmailHash(KeyRing ring, string email) =>
        Convert.ToHexStringLower(Key(ring).LookupHash("tenancy_users.email", email.ToLowerInvariant()));

    public static byte[] SealEmail(KeyRing ring, string userId, string email) => Key(ring).Seal(EmailCell(userId), Encoding.UTF8.GetBytes(email));

    public static byte[]? SealName(KeyRing ring, string userId, string? name) =>
        name is null ? null : Key(ring).Seal(NameCell(userId), Encoding.UTF8.GetBytes(name));

    public static string Email(KeyRing ring, User user) => Open(ring, EmailCell(user.Id), user.EmailSealed);

    public static string? Name(KeyRing ring, User user) => user.NameSealed is { } name ? Open(ring, NameCell(user.Id), name) : null;

    private static string Open(KeyRing ring, Cell cell, byte[] envelope) =>
        ring.TryOpenText(KeyScope.Installation, WrappedKey.InstallationId, cell, envelope, out var text)
            ? text
            : throw new InvalidOperationException($"{cell.Row} does not open.");

    private static ScopeKey Key(KeyRing ring) => ring.Current(KeyScope.Installation, WrappedKey.InstallationId)!;

    private static Cell EmailCell(string userId) => new("installation", Table, "email_sealed", userId);

    private static Cell NameCell(string userId) => new("installation", Table, "name_sealed", userId);
}

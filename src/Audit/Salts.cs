using System.Security.Cryptography;

namespace Crew.Audit;

/// <summary>
/// Random salts, drawn from the system's generator for 64 records at a time and thread: one call costs as much as the rest of a
/// record's commitments. Each is handed out once and wiped here.
/// </summary>
internal static class Salts
{
    private const int HeldRecords = 64;

    [ThreadStatic]
    private static byte[]? _drawn;

    [ThreadStatic]
    private static int _used;

    public static void Fill(Span<byte> salts)
    {
        var drawn = _drawn ??= new byte[HeldRecords * 3 * Personal.SaltBytes];
        if (_used + salts.Length > drawn.Length || _used == 0)
        {
            RandomNumberGenerator.Fill(drawn);
            _used = 0;
        }

        var next = drawn.AsSpan(_used, salts.Length);
        next.CopyTo(salts);
        next.Clear();
        _used += salts.Length;
    }
}

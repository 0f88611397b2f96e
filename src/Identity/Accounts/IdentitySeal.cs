using System.Diagnostics.CodeAnalysis;
using System.Text;
using Crew.Sealing;

namespace Crew.Identity.Accounts;

/// <summary>Seals what this module keeps, under the installation key.</summary>
internal sealed class IdentitySeal(Lazy<StoredKeys> keys)
{
    public byte[] Seal(string table, string column, string row, string text) =>
        keys.Value.Ring.Seal(KeyScope.Installation, WrappedKey.InstallationId, new Cell("installation", table, column, row), text);

    public byte[] Seal(string table, string column, string row, ReadOnlySpan<byte> bytes) =>
        keys.Value.Ring.Seal(KeyScope.Installation, WrappedKey.InstallationId, new Cell("installation", table, column, row), bytes);

    /// <summary>What was sealed; null when there is nothing.</summary>
    public string? Open(string table, string column, string row, byte[]? envelope) => OpenBytes(table, column, row, envelope) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    public byte[]? OpenBytes(string table, string column, string row, byte[]? envelope)
    {
        if (envelope is null)
        {
            return null;
        }

        return TryOpen(table, column, row, envelope, out var bytes)
            ? bytes
            : throw new InvalidOperationException($"{table}.{column} of {row} does not open.");
    }

    /// <summary>Opens what came back from outside; false when it is not what was sealed for this place.</summary>
    public bool TryOpen(string table, string column, string row, ReadOnlySpan<byte> envelope, [NotNullWhen(true)] out byte[]? bytes) =>
        keys.Value.Ring.TryOpen(KeyScope.Installation, WrappedKey.InstallationId, new Cell("installation", table, column, row), envelope, out bytes);
}

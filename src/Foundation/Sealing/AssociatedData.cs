using System.Text;

namespace Crew.Sealing;

/// <summary>
/// Where one sealed value lives. Sealing binds the value to this place, so that it cannot be moved to another row, column
/// or tenant without being noticed.
/// </summary>
/// <param name="Tenant">Organization, workspace or installation that owns the row, in one fixed spelling.</param>
/// <param name="Table">Table name.</param>
/// <param name="Column">Column name.</param>
/// <param name="Row">Primary key of the row.</param>
public readonly record struct Cell(string Tenant, string Table, string Column, string Row);

/// <summary>Builds the associated data of an envelope: <c>tenant|table|column|row|key version</c> in UTF-8.</summary>
public static class AssociatedData
{
    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// The associated data of a value. <c>|</c> and <c>\</c> inside a field are escaped with <c>\</c>, so two different
    /// places never give the same bytes. A lone surrogate in a field is a bug and throws.
    /// </summary>
    public static byte[] Of(string tenant, string table, string column, string row, int keyVersion)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keyVersion);
        return _strict.GetBytes($"{Escape(tenant)}|{Escape(table)}|{Escape(column)}|{Escape(row)}|{keyVersion}");
    }

    /// <inheritdoc cref="Of(string, string, string, string, int)"/>
    public static byte[] Of(in Cell cell, int keyVersion) => Of(cell.Tenant, cell.Table, cell.Column, cell.Row, keyVersion);

    private static string Escape(string field) =>
        field.AsSpan().IndexOfAny('|', '\\') < 0
            ? field
            : field.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal);
}

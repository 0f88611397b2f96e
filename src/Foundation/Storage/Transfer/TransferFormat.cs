namespace Crew.Storage;

/// <summary>One applied schema file, as a backup records it.</summary>
public sealed record TransferSchema(string Module, long Number, string Checksum);

/// <summary>What stands at the beginning of a logical copy of the database.</summary>
/// <param name="Format">Version of the format; this program reads <see cref="TransferFormat.Version"/>.</param>
/// <param name="CrewVersion">The program that wrote it.</param>
/// <param name="Dialect">The database that it was taken from: <c>sqlite</c> or <c>postgres</c>.</param>
/// <param name="Schema">The schema files that were applied there.</param>
/// <param name="CreatedAt">When the copy was begun.</param>
public sealed record TransferHeader(int Format, string CrewVersion, string Dialect, IReadOnlyList<TransferSchema> Schema, DateTimeOffset CreatedAt);

/// <summary>What was copied: rows by table, and bytes of the copy before encryption.</summary>
public sealed record TransferReport(TransferHeader Header, IReadOnlyDictionary<string, long> Rows, long Bytes);

/// <summary>What a column of a copy holds. Values carry their own tag as well: SQLite has no booleans, PostgreSQL has.</summary>
internal enum TransferKind
{
    Integer,
    Text,
    Blob,
    Boolean,
}

internal sealed record TransferColumn(string Name, TransferKind Kind);

internal sealed record TransferTable(string Name, IReadOnlyList<TransferColumn> Columns);

/// <summary>
/// The format of a logical copy, the same for both databases. It is a row of frames:
/// <code>
///   frame   kind (1) | length (4, little endian) | content
///   H       header, JSON                           once, first
///   T       name and columns of a table, JSON
///   R       a row: one tagged value for each column, many of them
///   E       rows of the table that ends here (8)
///   Z       tables (8) | rows (8) | SHA-256 of everything before this frame (32)    once, last
///   value   tag (1): 0 null, 1 integer (8), 2 text (length 4, UTF-8), 3 blob (length 4, bytes), 4 false, 5 true
/// </code>
/// </summary>
internal static class TransferFormat
{
    public const int Version = 1;
    public const int FrameHeaderBytes = 5;
    public const int EndBytes = 8 + 8 + 32;

    /// <summary>The longest frame that is written or read: one row with all its values.</summary>
    public const int MaximumFrameBytes = 512 * 1024 * 1024;

    public const byte Header = (byte)'H';
    public const byte Table = (byte)'T';
    public const byte Row = (byte)'R';
    public const byte TableEnd = (byte)'E';
    public const byte End = (byte)'Z';

    public const byte Null = 0;
    public const byte Integer = 1;
    public const byte Text = 2;
    public const byte Blob = 3;
    public const byte False = 4;
    public const byte True = 5;
}

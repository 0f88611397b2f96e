using System.Buffers.Binary;
using System.Text;

namespace Crew.Sealing;

/// <summary>
/// CRC-32/ISO-HDLC (the checksum of zip and gzip; check value 0xCBF43926): reflected polynomial 0xEDB88320, eight bytes a step,
/// without allocation for texts of key length. It finds typing mistakes; it is no protection against anyone.
/// </summary>
public static class Crc32
{
    private const int Slices = 8;
    private const int StackBytes = 256;
    private static readonly uint[] _tables = BuildTables();

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var tables = _tables;
        var crc = uint.MaxValue;
        while (bytes.Length >= Slices)
        {
            var low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc;
            var high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = tables[(7 * 256) + (int)(low & 0xFF)]
                ^ tables[(6 * 256) + (int)((low >> 8) & 0xFF)]
                ^ tables[(5 * 256) + (int)((low >> 16) & 0xFF)]
                ^ tables[(4 * 256) + (int)(low >> 24)]
                ^ tables[(3 * 256) + (int)(high & 0xFF)]
                ^ tables[(2 * 256) + (int)((high >> 8) & 0xFF)]
                ^ tables[256 + (int)((high >> 16) & 0xFF)]
                ^ tables[(int)(high >> 24)];
            bytes = bytes[Slices..];
        }

        foreach (var value in bytes)
        {
            crc = Step(tables, crc, value);
        }

        return ~crc;
    }

    /// <summary>The checksum of a text in ASCII. A character outside ASCII makes the result meaningless, never an error.</summary>
    public static uint Of(ReadOnlySpan<char> ascii)
    {
        if (ascii.Length > StackBytes)
        {
            return Of(Encoding.Latin1.GetBytes(ascii.ToArray()).AsSpan());
        }

        Span<byte> bytes = stackalloc byte[StackBytes];
        return Of(bytes[..Encoding.Latin1.GetBytes(ascii, bytes)]);
    }

    private static uint Step(uint[] tables, uint crc, uint value) => tables[(int)((crc ^ value) & 0xFF)] ^ (crc >> 8);

    private static uint[] BuildTables()
    {
        var tables = new uint[Slices * 256];
        for (var value = 0; value < 256; value++)
        {
            var crc = (uint)value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320;
            }

            tables[value] = crc;
        }

        for (var at = 256; at < tables.Length; at++)
        {
            tables[at] = Step(tables, tables[at - 256], 0);
        }

        return tables;
    }
}

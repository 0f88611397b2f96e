using System.IO.MemoryMappedFiles;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Crew.Audit.Places;

/// <summary>
/// Reads the country of an address out of a file in the MaxMind DB format 2.0 (https://maxmind.github.io/MaxMind-DB/), which the operator supplies: a
/// binary tree over the bits of addresses, whose leaves point into a section of values. The file is mapped, not loaded, and believed in nothing:
/// every offset is checked, and a look-up takes a bounded number of steps.
/// </summary>
internal sealed class MaxMindFile : IDisposable
{
    private const int MarkerSearchBytes = 128 * 1024;
    private const int SeparatorBytes = 16;
    private const int Ipv4Depth = 96;

    private static readonly byte[] Marker = [0xAB, 0xCD, 0xEF, .. "MaxMind.com"u8];

    private static readonly string[][] CountryPaths =
    [
        ["country", "iso_code"], ["registered_country", "iso_code"], ["continent", "code"],
    ];

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _bytes;
    private readonly MaxMindValues _values;
    private readonly uint _nodes;
    private readonly int _recordBits;
    private readonly bool _isIpv6;

    private MaxMindFile(MemoryMappedFile file, MemoryMappedViewAccessor bytes, long length)
    {
        (_file, _bytes) = (file, bytes);
        var metadata = new MaxMindValues(bytes, FindMetadata(length), length);
        _nodes = checked((uint)metadata.Number(0, "node_count"));
        _recordBits = (int)metadata.Number(0, "record_size");
        var version = metadata.Number(0, "binary_format_major_version");
        var ip = metadata.Number(0, "ip_version");
        var treeBytes = (long)_nodes * _recordBits / 4;
        if (_recordBits is not (24 or 28 or 32) || version != 2 || ip is not (4 or 6) || _nodes == 0 || treeBytes + SeparatorBytes > metadata.Start)
        {
            throw new InvalidDataException("The metadata does not describe a tree that fits into the file.");
        }

        _isIpv6 = ip == 6;
        _values = new MaxMindValues(bytes, treeBytes + SeparatorBytes, metadata.Start - Marker.Length);
    }

    /// <exception cref="InvalidDataException">It is no such file, or broken.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static MaxMindFile Open(string path)
    {
        var length = new FileInfo(path).Length;
        if (length == 0)
        {
            throw new InvalidDataException("The file is empty.");
        }

        var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        var bytes = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        try
        {
            return new MaxMindFile(file, bytes, length);
        }
        catch (Exception error)
        {
            bytes.Dispose();
            file.Dispose();
            if (error is OverflowException)
            {
                throw new InvalidDataException("The metadata holds a number that is too large.", error);
            }

            throw;
        }
    }

    /// <summary>ISO 3166 code of the country (or, where a record has none, of the continent); null for an address that is not in the file.</summary>
    /// <exception cref="InvalidDataException">The file is broken at that place.</exception>
    public string? CountryOf(IPAddress address)
    {
        if (Find(address) is not { } at)
        {
            return null;
        }

        foreach (var path in CountryPaths)
        {
            if (_values.Text(at, path) is { Length: > 0 and <= 8 } code)
            {
                return code;
            }
        }

        return null;
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _file.Dispose();
    }

    /// <summary>Where the value of an address begins in the section of values.</summary>
    private long? Find(IPAddress address)
    {
        var isIpv4 = address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6;
        if (!isIpv4 && !_isIpv6)
        {
            return null;
        }

        var node = 0u;
        for (var depth = 0; isIpv4 && _isIpv6 && depth < Ipv4Depth && node < _nodes; depth++)
        {
            node = Record(node, 0);
        }

        foreach (var part in isIpv4 ? address.MapToIPv4().GetAddressBytes() : address.GetAddressBytes())
        {
            for (var bit = 7; bit >= 0 && node < _nodes; bit--)
            {
                node = Record(node, part >> bit & 1);
            }
        }

        return node == _nodes ? null
            : (long)node - _nodes - SeparatorBytes is >= 0 and var at ? at
            : throw new InvalidDataException("The tree leads neither to an end nor to a value.");
    }

    private uint Record(uint node, int side)
    {
        var at = (long)node * _recordBits / 4;
        uint Byte(int offset) => _bytes.ReadByte(at + offset);
        return (_recordBits, side) switch
        {
            (24, _) => Byte(3 * side) << 16 | Byte((3 * side) + 1) << 8 | Byte((3 * side) + 2),
            (28, 0) => Byte(3) >> 4 << 24 | Byte(0) << 16 | Byte(1) << 8 | Byte(2),
            (28, _) => (Byte(3) & 0x0F) << 24 | Byte(4) << 16 | Byte(5) << 8 | Byte(6),
            _ => Byte(4 * side) << 24 | Byte((4 * side) + 1) << 16 | Byte((4 * side) + 2) << 8 | Byte((4 * side) + 3),
        };
    }

    /// <summary>The metadata begin behind the last marker of the file's end.</summary>
    private long FindMetadata(long length)
    {
        var tail = new byte[Math.Min(length, MarkerSearchBytes)];
        _bytes.ReadArray(length - tail.Length, tail, 0, tail.Length);
        var at = tail.AsSpan().LastIndexOf(Marker);
        return at < 0 ? throw new InvalidDataException("There is no metadata marker: this is no MaxMind DB file.") : length - tail.Length + at + Marker.Length;
    }
}

/// <summary>A section of values of such a file: maps, texts and numbers, and pointers to them. Positions are counted from its start.</summary>
internal sealed class MaxMindValues(MemoryMappedViewAccessor bytes, long start, long end)
{
    /// <summary>A record of such a file holds a few dozen values; one that leads on for longer leads in a circle.</summary>
    private const int MostSteps = 4_096;

    private const int MostTextBytes = 1_024;

    private enum Kind
    {
        Pointer = 1,
        Text = 2,
        Double = 3,
        Bytes = 4,
        UInt16 = 5,
        UInt32 = 6,
        Map = 7,
        Int32 = 8,
        UInt64 = 9,
        UInt128 = 10,
        Array = 11,
        Boolean = 14,
        Float = 15,
    }

    public long Start => start;

    /// <summary>The text at the end of a path of map keys; null where it does not lead to one.</summary>
    public string? Text(long at, params string[] path)
    {
        var steps = 0;
        return Walk(at, path, ref steps) is { } value && value.Kind == Kind.Text ? TextAt(value) : null;
    }

    /// <summary>The whole number at the end of a path.</summary>
    public long Number(long at, params string[] path)
    {
        var steps = 0;
        if (Walk(at, path, ref steps) is not { Kind: Kind.UInt16 or Kind.UInt32 or Kind.UInt64, Size: <= 7 } value)
        {
            throw new InvalidDataException($"There is no number {path[^1]}.");
        }

        var number = 0L;
        for (var offset = 0; offset < value.Size; offset++)
        {
            number = number << 8 | Byte(value.At + offset);
        }

        return number;
    }

    private Value? Walk(long at, string[] path, ref int steps)
    {
        var value = Resolve(at, ref steps).Value;
        foreach (var key in path)
        {
            if (value.Kind != Kind.Map || Member(value, key, ref steps) is not { } found)
            {
                return null;
            }

            value = found;
        }

        return value;
    }

    private Value? Member(Value map, string key, ref int steps)
    {
        var at = map.At;
        for (var pair = 0L; pair < map.Size; pair++)
        {
            var (name, behind) = Resolve(at, ref steps);
            if (name.Kind != Kind.Text)
            {
                throw new InvalidDataException("The key of a map is no text.");
            }

            if (TextAt(name) == key)
            {
                return Resolve(behind, ref steps).Value;
            }

            at = Skip(behind, ref steps);
        }

        return null;
    }

    /// <summary>The value at a position, behind at most one pointer, and the position behind it here.</summary>
    private (Value Value, long Behind) Resolve(long at, ref int steps)
    {
        var value = Read(at, ref steps);
        if (value.Kind != Kind.Pointer)
        {
            return (value, value.At + value.Length);
        }

        var target = Read(value.Size, ref steps);
        return target.Kind == Kind.Pointer ? throw new InvalidDataException("A pointer leads to a pointer.") : (target, value.At);
    }

    /// <summary>The position behind a value, with all that is in it.</summary>
    private long Skip(long at, ref int steps)
    {
        for (var left = 1L; left > 0; left--)
        {
            var value = Read(at, ref steps);
            left += value.Kind switch { Kind.Map => 2 * value.Size, Kind.Array => value.Size, _ => 0 };
            at = value.At + (value.Kind is Kind.Map or Kind.Array ? 0 : value.Length);
        }

        return at;
    }

    /// <summary>Reads the head of a value. Of a pointer the size is where it leads to.</summary>
    private Value Read(long at, ref int steps)
    {
        if (++steps > MostSteps)
        {
            throw new InvalidDataException("A value leads on without end.");
        }

        var control = (int)Byte(at++);
        var kind = control >> 5;
        if (kind == (int)Kind.Pointer)
        {
            return Pointer(control, at);
        }

        kind = kind == 0 ? 7 + (int)Byte(at++) : kind;
        long size = control & 0x1F;
        (size, at) = size switch
        {
            29 => (29 + Byte(at), at + 1),
            30 => (285 + (Byte(at) << 8 | Byte(at + 1)), at + 2),
            31 => (65_821 + (Byte(at) << 16 | Byte(at + 1) << 8 | Byte(at + 2)), at + 3),
            _ => (size, at),
        };
        return new Value((Kind)kind, at, size);
    }

    private Value Pointer(int control, long at)
    {
        var width = (control >> 3 & 3) + 1;
        long target = width == 4 ? 0 : control & 7;
        for (var offset = 0; offset < width; offset++)
        {
            target = target << 8 | Byte(at + offset);
        }

        return new Value(Kind.Pointer, at + width, target + width switch { 2 => 2_048, 3 => 526_336, _ => 0 });
    }

    private string TextAt(Value value)
    {
        if (value.Size > MostTextBytes || start + value.At + value.Size > end)
        {
            throw new InvalidDataException("A text reaches beyond its section.");
        }

        var text = new byte[value.Size];
        bytes.ReadArray(start + value.At, text, 0, text.Length);
        return Encoding.UTF8.GetString(text);
    }

    private long Byte(long at) => at >= 0 && start + at < end ? bytes.ReadByte(start + at) : throw new InvalidDataException("A value lies outside of its section.");

    private readonly record struct Value(Kind Kind, long At, long Size)
    {
        /// <summary>Bytes that follow the head. The size of a Boolean is its value, that of a pointer its target.</summary>
        public long Length => Kind is Kind.Boolean or Kind.Pointer ? 0 : Size;
    }
}

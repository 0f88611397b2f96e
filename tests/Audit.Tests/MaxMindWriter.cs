using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Crew.Audit.Tests;

/// <summary>Writes files in the MaxMind DB format 2.0, from its specification: what the reader is held against.</summary>
internal sealed class MaxMindWriter(int recordBits, bool isIpv6)
{
    private readonly List<(long Left, long Right)> _nodes = [(-1, -1)];
    private readonly MemoryStream _data = new();
    private readonly Dictionary<string, long> _texts = [];

    /// <summary>Puts a country behind a network. Each value is written once; keys repeat as pointers, as the real files do.</summary>
    public MaxMindWriter Add(string network, string country, int fillers = 0)
    {
        var parsed = IPNetwork.Parse(network);
        var bytes = parsed.BaseAddress.GetAddressBytes();
        var depth = parsed.PrefixLength;
        if (isIpv6 && bytes.Length == 4)
        {
            (bytes, depth) = ([.. new byte[12], .. bytes], depth + 96);
        }

        var node = 0;
        for (var bit = 0; bit < depth - 1; bit++)
        {
            var side = Side(bytes, bit);
            var next = side == 0 ? _nodes[node].Left : _nodes[node].Right;
            if (next < 0)
            {
                next = _nodes.Count;
                Set(node, side, next);
                _nodes.Add((-1, -1));
            }

            node = (int)next;
        }

        Set(node, Side(bytes, depth - 1), -2 - Country(country, fillers));
        return this;
    }

    public byte[] ToBytes()
    {
        var file = new MemoryStream();
        foreach (var (left, right) in _nodes)
        {
            Write(file, Resolve(left), Resolve(right));
        }

        file.Write(new byte[16]);
        file.Write(_data.ToArray());
        file.Write([0xAB, 0xCD, 0xEF, .. "MaxMind.com"u8]);
        WriteMap(file,
        [
            ("binary_format_major_version", s => Number(s, 5, 2)), ("binary_format_minor_version", s => Number(s, 5, 0)), ("build_epoch", s => Number(s, 9, 1_764_547_200)),
            ("database_type", s => Text(s, "Test")), ("description", s => WriteMap(s, [("en", t => Text(t, "made by a test"))])), ("ip_version", s => Number(s, 5, isIpv6 ? 6u : 4u)),
            ("languages", s => { Control(s, 11, 1); Text(s, "en"); }), ("node_count", s => Number(s, 6, (ulong)_nodes.Count)), ("record_size", s => Number(s, 5, (ulong)recordBits)),
        ]);
        return file.ToArray();
    }

    private static byte Low(ulong value) => (byte)(value & 0xFF);

    private static byte Low(long value) => (byte)(value & 0xFF);

    private static int Side(byte[] bytes, int bit) => bytes[bit / 8] >> (7 - (bit % 8)) & 1;

    private void Set(int node, int side, long value) => _nodes[node] = side == 0 ? (value, _nodes[node].Right) : (_nodes[node].Left, value);

    private ulong Resolve(long value) => value switch
    {
        -1 => (ulong)_nodes.Count,
        < 0 => (ulong)(_nodes.Count + 16 + (-2 - value)),
        _ => (ulong)value,
    };

    private void Write(Stream file, ulong left, ulong right)
    {
        switch (recordBits)
        {
            case 24:
                file.Write([Low(left >> 16), Low(left >> 8), Low(left), Low(right >> 16), Low(right >> 8), Low(right)]);
                break;
            case 28:
                file.Write([Low(left >> 16), Low(left >> 8), Low(left), Low((left >> 24 << 4) | (right >> 24)), Low(right >> 16), Low(right >> 8), Low(right)]);
                break;
            default:
                Span<byte> node = stackalloc byte[8];
                BinaryPrimitives.WriteUInt32BigEndian(node, (uint)left);
                BinaryPrimitives.WriteUInt32BigEndian(node[4..], (uint)right);
                file.Write(node);
                break;
        }
    }

    private long Country(string code, int fillers)
    {
        var at = _data.Position;
        var members = new List<(string, Action<Stream>)>();
        for (var filler = 0; filler < fillers; filler++)
        {
            members.Add(($"filler_{filler}", s => { Control(s, 11, 2); Text(s, new string('x', 300)); Control(s, 14, 1); }));
        }

        members.Add(("location", s => WriteMap(s, [("latitude", t => { Control(t, 3, 8); t.Write(new byte[8]); }), ("accuracy_radius", t => Number(t, 5, 500))])));
        members.Add(("country", s => WriteMap(s, [("geoname_id", t => Number(t, 6, 2_921_044)), ("iso_code", t => Shared(t, code))])));
        WriteMap(_data, members);
        return at;
    }

    private void WriteMap(Stream stream, List<(string Name, Action<Stream> Value)> members)
    {
        Control(stream, 7, members.Count);
        foreach (var (name, value) in members)
        {
            if (stream == _data)
            {
                Shared(stream, name);
            }
            else
            {
                Text(stream, name);
            }

            value(stream);
        }
    }

    /// <summary>A text in full the first time, a pointer to it after that.</summary>
    private void Shared(Stream stream, string text)
    {
        if (!_texts.TryGetValue(text, out var at))
        {
            _texts[text] = stream.Position;
            Text(stream, text);
            return;
        }

        switch (at)
        {
            case < 2_048:
                stream.Write([Low(0x20 | (at >> 8)), Low(at)]);
                break;
            case < 526_336:
                at -= 2_048;
                stream.Write([Low(0x28 | (at >> 16)), Low(at >> 8), Low(at)]);
                break;
            default:
                stream.Write([0x38, Low(at >> 24), Low(at >> 16), Low(at >> 8), Low(at)]);
                break;
        }
    }

    private static void Text(Stream stream, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Control(stream, 2, bytes.Length);
        stream.Write(bytes);
    }

    private static void Number(Stream stream, int kind, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        var short_ = bytes.TrimStart((byte)0);
        Control(stream, kind, short_.Length);
        stream.Write(short_);
    }

    private static void Control(Stream stream, int kind, int size)
    {
        var (low, rest) = size switch
        {
            < 29 => (size, Array.Empty<byte>()),
            < 285 => (29, [Low(size - 29)]),
            < 65_821 => (30, [Low((size - 285) >> 8), Low(size - 285)]),
            _ => (31, new[] { Low((size - 65_821) >> 16), Low((size - 65_821) >> 8), Low(size - 65_821) }),
        };
        stream.WriteByte((byte)((kind < 8 ? kind << 5 : 0) | low));
        if (kind >= 8)
        {
            stream.WriteByte((byte)(kind - 7));
        }

        stream.Write(rest);
    }
}

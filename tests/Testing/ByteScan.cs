using System.Globalization;
using System.Text;

namespace Crew.Testing;

/// <summary>A marked text that was found where it must not be. It names the marker by its number, never by its text.</summary>
public sealed record ByteHit(string Place, long Offset, int Marker, string Encoding)
{
    public override string ToString() => $"{Place}@{Offset.ToString(CultureInfo.InvariantCulture)}: marker {Marker} as {Encoding}";
}

/// <summary>
/// Looks for marked texts in files and bytes: as UTF-8, UTF-16 (both byte orders), hex (both cases), and base64 in all three
/// alignments (both alphabets). In base64 only the characters that do not depend on the neighbours are sought, so a marker
/// should be at least 12 characters long.
/// </summary>
public sealed class ByteScan
{
    private const int BlockBytes = 1 << 20;
    private const int ShortestMarker = 12;

    private readonly List<(int Marker, string Encoding, byte[] Bytes)> _patterns = [];
    private readonly int _longest;

    private ByteScan(IReadOnlyList<string> markers)
    {
        for (var marker = 0; marker < markers.Count; marker++)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(markers[marker].Length, ShortestMarker, nameof(markers));
            foreach (var (encoding, bytes) in Encodings(markers[marker]))
            {
                if (!_patterns.Any(known => known.Marker == marker && known.Bytes.AsSpan().SequenceEqual(bytes)))
                {
                    _patterns.Add((marker, encoding, bytes));
                }
            }
        }

        _longest = _patterns.Max(pattern => pattern.Bytes.Length);
    }

    public static ByteScan For(params string[] markers) => new(markers);

    public IReadOnlyList<ByteHit> Bytes(ReadOnlySpan<byte> bytes, string place)
    {
        var hits = new List<ByteHit>();
        Search(bytes, 0, place, hits);
        return hits;
    }

    public IReadOnlyList<ByteHit> Text(string text, string place) => Bytes(Encoding.UTF8.GetBytes(text), place);

    /// <summary>Reads a file that others may be writing. A file that is gone by now holds nothing.</summary>
    public IReadOnlyList<ByteHit> File(string path)
    {
        var hits = new List<ByteHit>();
        if (new FileInfo(path) is { Exists: true, Length: 0 })
        {
            // Holds nothing; and a lock file, held by its process, could not be opened.
            return hits;
        }

        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            var block = new byte[BlockBytes + _longest];
            var (kept, offset) = (0, 0L);
            for (int read; (read = file.Read(block, kept, BlockBytes)) > 0;)
            {
                var filled = kept + read;
                Search(block.AsSpan(0, filled), offset, path, hits);
                kept = Math.Min(_longest - 1, filled);
                block.AsSpan(filled - kept, kept).CopyTo(block);
                offset += filled - kept;
            }
        }
        catch (FileNotFoundException)
        {
            return [];
        }

        return [.. hits.Distinct()];
    }

    /// <summary>Scans every file below a folder, and the names of files and folders too.</summary>
    public IReadOnlyList<ByteHit> Folder(string path)
    {
        var every = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        var hits = new List<ByteHit>();
        foreach (var entry in Directory.EnumerateFileSystemEntries(path, "*", every))
        {
            Search(Encoding.UTF8.GetBytes(entry), 0, "name of an entry", hits);
            if (System.IO.File.Exists(entry))
            {
                hits.AddRange(File(entry));
            }
        }

        return hits;
    }

    private void Search(ReadOnlySpan<byte> bytes, long offset, string place, List<ByteHit> hits)
    {
        foreach (var (marker, encoding, pattern) in _patterns)
        {
            for (var from = 0; bytes[from..].IndexOf(pattern) is var at and >= 0; from += at + 1)
            {
                hits.Add(new ByteHit(place, offset + from + at, marker, encoding));
            }
        }
    }

    private static IEnumerable<(string Encoding, byte[] Bytes)> Encodings(string marker)
    {
        var plain = Encoding.UTF8.GetBytes(marker);
        yield return ("UTF-8", plain);
        yield return ("UTF-16LE", Encoding.Unicode.GetBytes(marker));
        yield return ("UTF-16BE", Encoding.BigEndianUnicode.GetBytes(marker));
        yield return ("hex", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(plain)));
        yield return ("HEX", Encoding.ASCII.GetBytes(Convert.ToHexString(plain)));
        for (var alignment = 0; alignment < 3; alignment++)
        {
            var core = Base64Core(plain, alignment);
            yield return ($"base64+{alignment}", Encoding.ASCII.GetBytes(core));
            yield return ($"base64url+{alignment}", Encoding.ASCII.GetBytes(core.Replace('+', '-').Replace('/', '_')));
        }
    }

    /// <summary>The base64 characters that depend on the marker alone when it starts that many bytes into a group.</summary>
    private static string Base64Core(byte[] plain, int alignment)
    {
        var text = Convert.ToBase64String([.. new byte[alignment], .. plain]);
        var firstWhole = alignment == 0 ? 0 : alignment + 1;
        var wholeBits = (alignment + plain.Length) * 8;
        return text[firstWhole..(wholeBits / 6)];
    }
}

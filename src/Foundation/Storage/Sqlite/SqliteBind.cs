using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using SQLitePCL;

namespace Crew.Storage;

/// <summary>
/// Binds the values of one row without a copy by SQLite: they are laid out in pinned memory that stays as it is until the
/// statement has run, and bound as static (https://sqlite.org/c3ref/bind_blob.html). Fifty values of a request bound the usual
/// way, each with an allocation and two copies, cost more than the rows. For the writing thread only.
/// </summary>
internal sealed unsafe partial class SqliteBind : IRowWriter
{
    private const string Library = "e_sqlite3";
    private const int FirstBytes = 16 * 1024;

    /// <summary>Outgrown memory that values of the current row still lie in.</summary>
    private readonly List<byte[]> _outgrown = [];

    private byte[] _values = GC.AllocateUninitializedArray<byte>(FirstBytes, pinned: true);
    private int _used;
    private nint _statement;

    /// <summary>Values bound since <see cref="Start"/>.</summary>
    public int Bound { get; private set; }

    /// <summary>Begins a row. The statement must not be disposed before the row has been stepped.</summary>
    public void Start(sqlite3_stmt statement)
    {
        (_statement, Bound, _used) = (statement.DangerousGetHandle(), 0, 0);
        _outgrown.Clear();
    }

    public void Text(string? value)
    {
        if (value is null)
        {
            Null();
            return;
        }

        var place = Room(Encoding.UTF8.GetMaxByteCount(value.Length));
        var length = Encoding.UTF8.GetBytes(value, _values.AsSpan(_used));
        _used += length;
        Check(BindText(_statement, ++Bound, place, length, 0));
    }

    public void Integer(long? value)
    {
        if (value is { } number)
        {
            Check(BindInteger(_statement, ++Bound, number));
        }
        else
        {
            Null();
        }
    }

    public void Blob(byte[]? value)
    {
        if (value is null)
        {
            Null();
            return;
        }

        var place = Room(value.Length);
        value.CopyTo(_values.AsSpan(_used));
        _used += value.Length;
        Check(BindBlob(_statement, ++Bound, place, value.Length, 0));
    }

    private void Null() => Check(BindNull(_statement, ++Bound));

    /// <summary>The address of the next value, with room for so many bytes. Never null, which SQLite would take for NULL.</summary>
    private byte* Room(int bytes)
    {
        if (_used + bytes >= _values.Length)
        {
            _outgrown.Add(_values);
            _values = GC.AllocateUninitializedArray<byte>(Math.Max(_values.Length * 2, bytes + FirstBytes), pinned: true);
            _used = 0;
        }

        return (byte*)Unsafe.AsPointer(ref _values[_used]);
    }

    private static void Check(int result)
    {
        if (result != raw.SQLITE_OK)
        {
            throw new InvalidOperationException($"SQLite took a value with {result}.");
        }
    }

    // These return within nanoseconds and call nothing back, so the thread need not tell the collector about them.
    [LibraryImport(Library, EntryPoint = "sqlite3_bind_text"), SuppressGCTransition, DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int BindText(nint statement, int index, byte* value, int bytes, nint destructor);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_blob"), SuppressGCTransition, DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int BindBlob(nint statement, int index, byte* value, int bytes, nint destructor);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_int64"), SuppressGCTransition, DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int BindInteger(nint statement, int index, long value);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_null"), SuppressGCTransition, DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int BindNull(nint statement, int index);
}

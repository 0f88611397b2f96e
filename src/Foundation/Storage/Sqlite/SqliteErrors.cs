using Crew.Kernel;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Crew.Storage;

/// <summary>Which SQLite results mean "not now" (full, locked, unreadable) and which mean a conflict with another row.</summary>
internal static class SqliteErrors
{
    public static bool IsUnavailable(SqliteException error) => error.SqliteErrorCode is
        raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN
        or raw.SQLITE_NOMEM or raw.SQLITE_PROTOCOL;

    public static bool IsUnique(SqliteException error) =>
        error.SqliteExtendedErrorCode is raw.SQLITE_CONSTRAINT_UNIQUE or raw.SQLITE_CONSTRAINT_PRIMARYKEY;

    public static Exception? Unavailable(Exception error) =>
        Inner(error) is { } sqlite && IsUnavailable(sqlite) ? new StorageUnavailableException("The SQLite database could not be written.", error) : null;

    public static SqliteException? Inner(Exception error) => error as SqliteException ?? error.InnerException as SqliteException;

    public static readonly Fault Conflict = new("conflict", 409,
        "A thing with the same identity was made at the same moment. Read the list again and repeat the request if it is still needed.");
}

using Npgsql;

namespace Crew.Storage;

/// <summary>Which PostgreSQL failures mean "not now", which a lost race that may be run again.</summary>
internal static class PostgresErrors
{
    public static bool IsUnavailable(Exception error) => error switch
    {
        PostgresException server => server.SqlState is [ '5', '3', ..] or [ '5', '7', ..] or [ '5', '8', ..] or [ '0', '8', ..] or "25006" or "25P03" or "55P03",
        NpgsqlException => true,
        TimeoutException or System.Net.Sockets.SocketException or IOException => true,
        _ => error.InnerException is { } inner && IsUnavailable(inner),
    };

    /// <summary>Whether it lets nobody in under this name, password and database, now or later.</summary>
    public static bool IsTurnedAway(Exception error) => Server(error)?.SqlState is ['2', '8', ..] or PostgresErrorCodes.InvalidCatalogName;

    /// <summary>Whether PostgreSQL ended the transaction because its process stood still for too long: nothing of it was written.</summary>
    public static bool IsEndedForIdling(Exception error) => Server(error)?.SqlState is "25P03";

    /// <summary>Whether the connection is gone, as all are when PostgreSQL has ended; not when it takes too long to answer.</summary>
    public static bool IsBroken(Exception error) => error switch
    {
        PostgresException server => server.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown,
        TimeoutException => false,
        System.Net.Sockets.SocketException or IOException => true,
        _ => error.InnerException is { } inner && IsBroken(inner),
    };

    public static bool IsOutOfRoom(Exception error) => Server(error)?.SqlState == PostgresErrorCodes.DiskFull;

    public static bool IsRetryable(Exception error) =>
        Server(error)?.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected;

    public static bool IsUnique(Exception error) => Server(error)?.SqlState is PostgresErrorCodes.UniqueViolation;

    private static PostgresException? Server(Exception error) => error as PostgresException ?? error.InnerException as PostgresException;
}

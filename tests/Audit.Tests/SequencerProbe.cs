using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Tests;

internal static class SequencerProbe
{
    /// <summary>PostgreSQL gives a transaction its id at its first write; this asks for it now.</summary>
    public static Task TakeTransactionIdAsync(Db db) => db.Database.ExecuteSqlRawAsync("SELECT pg_current_xact_id()");
}

using Crew.Kernel;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Audit.Tests;

/// <summary>What the erasure of a person does to a record.</summary>
internal static class Erasure
{
    public static async Task EraseAsync(Store store, string recordId) =>
        (await store.ChangeAsync<bool>(SystemJob.Expiry, Origin.System, async db =>
            await db.Database.ExecuteSqlAsync($"UPDATE audit_records SET personal = NULL, ip_hash = NULL WHERE id = {recordId}") == 1)).Value.ShouldBeTrue();
}

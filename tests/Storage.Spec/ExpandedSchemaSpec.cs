using Crew.Kernel;
using Crew.Testing;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage.Spec;

/// <summary>While nodes are replaced one by one, those in the old version go on under the schema of the new one.</summary>
public sealed class ExpandedSchemaSpec
{
    private static readonly Tenant Alpha = new("org_a", "ws_a");

    [Fact]
    public async Task An_older_program_goes_on_under_a_schema_that_a_newer_one_has_expanded()
    {
        var at = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await using var older = Open(at, new StorageModel(new SpecPart()));
        (await older.MigrateAsync()).Fault.ShouldBeNull();
        (await older.StartAsync()).Fault.ShouldBeNull();
        await using var place = await older.JoinAsync();
        await WriteAsync(older, "before");

        await using (var newer = Open(at, new StorageModel(new SpecPart(), new NextPart())))
        {
            (await newer.MigrateAsync()).Value.ShouldBe(1);
            (await newer.StartAsync()).Fault.ShouldBeNull();
            await using var beside = await newer.JoinAsync();
            await WriteAsync(older, "during");
            await WriteAsync(newer, "by the newer one");
        }

        await WriteAsync(older, "after");
        (await older.ReadAsync(Alpha, db => db.Set<Note>().Select(n => n.Id).ToListAsync())).Order(StringComparer.Ordinal)
            .ShouldBe(["after", "before", "by the newer one", "during"]);
        older.Node.IsLive.ShouldBeTrue();

        // Started anew it would not know what it does not know: that is refused.
        await using var again = Open(at, new StorageModel(new SpecPart()));
        (await again.MigrateAsync()).Fault!.Code.ShouldBe("schema_newer");
    }

    private static Store Open(string at, StorageModel model) => Store.Open(
        new StoreOptions { DataFolder = Path.GetTempPath(), PostgresConnectionString = at }, model, [new SpecSink()], TimeProvider.System);

    /// <summary>Everything that a program does to its tables: a change with its event, an update, an appended row and a sum.</summary>
    private static async Task WriteAsync(Store store, string id)
    {
        var added = await store.ChangeAsync<bool>(Alpha, Origin.System, async db =>
        {
            db.Add(new Note { Id = id, WorkspaceId = Alpha.WorkspaceId!, Text = "text" });
            db.Raise(new Event("note.added", new Resource("note", id)));
            db.Touch("notes", id);
            await db.SaveChangesAsync();
            (await db.Set<Note>().SingleAsync(n => n.Id == id)).Text = "changed";
            return true;
        });
        added.Fault.ShouldBeNull();
        var work = new AppendWork();
        work.Rows.Add(new SpecRow($"row {id}", tenant: Alpha));
        (await store.Committer.AppendAsync(work)).ShouldBeTrue();
    }

    /// <summary>What a later version of the part would bring: a column and a table.</summary>
    private sealed class NextPart : StoragePart
    {
        public override string Name => "specnext";

        public override string SchemaFolder => "SchemaNext";
    }
}

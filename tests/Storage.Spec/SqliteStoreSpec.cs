using Crew.Kernel;

namespace Crew.Storage.Spec;

public sealed class SqliteStoreSpec : StoreSpec
{
    private readonly string _folder = Directory.CreateTempSubdirectory("crew-spec-").FullName;

    private protected override Store Open() => Store.Open(new StoreOptions { DataFolder = _folder, FeedPollMilliseconds = 50 }, Model, [new SpecSink()], TimeProvider.System);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, true);
    }

    [Fact]
    public async Task A_changed_schema_file_is_refused()
    {
        var altered = new SchemaFile("spec", 1, "0001_spec", "something else");
        SchemaFiles.Missing([altered], [("spec", 1, new SchemaFile("spec", 1, "0001_spec", "as applied").Checksum)]).Fault!.Code.ShouldBe("schema_changed");
        await Task.CompletedTask;
    }

    [Fact]
    public void A_database_of_a_newer_version_is_refused() =>
        SchemaFiles.Missing([], [("spec", 9, "x")]).Fault!.Code.ShouldBe("schema_newer");

    [Fact]
    public async Task A_change_that_waits_for_something_else_is_a_bug_that_shows_at_once()
    {
        await Should.ThrowAsync<InvalidOperationException>(() => Store.ChangeAsync<bool>(new Tenant("org_a", "ws_a"), Origin.System, async _ =>
        {
            await Task.Delay(50);
            return true;
        }));
        (await AddAsync(new Tenant("org_a", "ws_a"), "n1")).Fault.ShouldBeNull();
    }

    /// <summary>A checkpoint beside a busy writer never comes to the end of the log, and the file starts over only when one has.</summary>
    [Fact]
    public async Task The_log_of_a_writer_that_never_rests_does_not_grow_without_end()
    {
        const int writers = 128, rowsOfEach = 50, rowBytes = 64 * 1024;
        var log = new FileInfo(Path.Combine(_folder, "crew.db-wal"));
        await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            for (var row = 0; row < rowsOfEach; row++)
            {
                var work = new AppendWork();
                work.Rows.Add(new SpecRow($"{writer}-{row}", row, new byte[rowBytes]));
                (await Store.Committer.AppendAsync(work)).ShouldBeTrue();
            }
        })));

        log.Refresh();
        log.Length.ShouldBeLessThan((long)writers * rowsOfEach * rowBytes / 2);
    }
}

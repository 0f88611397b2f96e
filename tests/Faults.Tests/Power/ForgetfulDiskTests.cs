namespace Crew.Faults.Tests;

/// <summary>The disk of the power cuts is honest: it forgets what was not synced, and nothing else.</summary>
public sealed class ForgetfulDiskTests : IDisposable
{
    private static readonly Lazy<Task<string>> Probe = new(() => ForgetfulDisk.BuildAsync("probe.c"));

    private readonly string _folder = Directory.CreateTempSubdirectory("crew-disk-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("aaaa sync bbbbbb", "aaaa")]
    [InlineData("aaaa sync bb sync", "bbaa")]
    [InlineData("aaaa sync cut", "aaaa")]
    [InlineData("aaaa sync cut sync", "a")]
    public async Task What_was_not_synced_is_gone_after_the_cut(string words, string left) => (await RunAsync(words)).ShouldBe(left);

    [Fact]
    public async Task A_new_file_that_was_never_synced_is_gone() => (await RunAsync("aaaa")).ShouldBeNull();

    [Fact]
    public async Task A_move_that_no_sync_of_the_folder_followed_is_undone() => (await RunAsync("aaaa sync move")).ShouldBe("aaaa");

    [Fact]
    public async Task What_a_failed_sync_has_lost_is_not_found_again_by_the_next_one() =>
        (await RunAsync("aaaa sync bbbb sync sync", disk => disk.FailSyncs(2, sticky: false))).ShouldBe("aaaa");

    [Fact]
    public async Task Every_descriptor_is_told_of_a_failed_sync_once()
    {
        using var disk = await ForgetfulDisk.InAsync(_folder);
        disk.FailSyncs(2, sticky: false);
        var (_, output, error) = await ForgetfulDisk.RunAsync(
            await Probe.Value, [Path.Combine(_folder, "file"), "aaaa", "sync", "bbbb", "other", "sync", "sync", "other"], disk.Environment);
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(["0", "-1", "-1", "0", "0"], error);
    }

    [Fact]
    public async Task What_is_written_again_after_a_failed_sync_is_synced_by_the_next_one() =>
        (await RunAsync("aaaa sync bbbb sync cccc sync", disk => disk.FailSyncs(2, sticky: false))).ShouldBe("cccc");

    [Fact]
    public async Task A_failed_write_has_changed_nothing() =>
        (await RunAsync("aaaa bbbb sync", disk => disk.FailWrites(2, sticky: true, ForgetfulDisk.NoSpace))).ShouldBe("aaaa");

    private async Task<string?> RunAsync(string words, Action<ForgetfulDisk>? prepare = null)
    {
        using var disk = await ForgetfulDisk.InAsync(_folder);
        prepare?.Invoke(disk);
        var file = Path.Combine(_folder, "file");
        var (code, _, error) = await ForgetfulDisk.RunAsync(await Probe.Value, [file, .. words.Split(' ')], disk.Environment);
        code.ShouldBe(137, error);
        await disk.ForgetAsync(torn: null);
        return File.Exists(file) ? await File.ReadAllTextAsync(file) : null;
    }
}

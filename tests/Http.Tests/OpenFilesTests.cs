namespace Crew.Http.Tests;

public sealed class OpenFilesTests
{
    [Theory]
    [InlineData("Max open files            1048576              1048576              files", 524_128)]
    [InlineData("Max open files            400                  400                  files", 40)]
    [InlineData("Max open files            256                  4096                 files", 8)]
    [InlineData("Max open files            unlimited            unlimited            files", null)]
    [InlineData("Max file locks            unlimited            unlimited            locks", null)]
    public void Connections_stop_before_the_files_are_used_up(string line, int? most) =>
        OpenFiles.MostConnections(OpenFiles.Limit(["Limit                     Soft Limit           Hard Limit           Units", line])).ShouldBe(most);
}

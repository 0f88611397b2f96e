using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Crew.Testing;

namespace Crew.Faults.Tests;

/// <summary>A disk of 8 MB, few open files, no folder for temporary files: nothing acknowledged is lost, and it comes back when there is room.</summary>
public sealed class SmallWorldTests(ITestOutputHelper output)
{
    private const int BallastBytes = 256 * 1024;

    [Fact]
    public async Task On_a_full_disk_of_8_MB_nothing_acknowledged_is_lost_and_room_mends_it()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounting a file system needs root.");
        await using var mock = await NewMockAsync();
        await using var server = new CrewServer(new CrewServerOptions { Providers = [mock] });
        Directory.CreateDirectory(server.DataFolder);
        await MountAsync("mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "crew-small", server.DataFolder);
        try
        {
            await server.InitAsync();
            await server.StartAsync();
            var (key, tightKey) = await KillTests.SetUpAsync(server, mock);
            var told = new Acknowledged();
            var refusal = await FillAsync(server, key, new KillLoad(server, told, key, tightKey));
            output.WriteLine($"{told.Count} acknowledged until {refusal}");
            server.Kill();
            File.Delete(Path.Combine(server.DataFolder, "ballast"));
            await server.StartAsync();
            await new Auditor(() => SqliteFile.Connect(server)).HoldAsync(told, mock.Books);
            using var again = await AskAsync(server.Client(key));
            again.StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        finally
        {
            server.Kill();
            await MountAsync("umount", server.DataFolder);
        }
    }

    [Fact]
    public async Task With_few_open_files_and_no_temporary_folder_nothing_acknowledged_is_lost()
    {
        await using var mock = await NewMockAsync();
        using var wrapper = new Wrapper("ulimit -n 400");
        await using var server = await CrewServer.StartNewAsync(new CrewServerOptions
        {
            Providers = [mock],
            Executable = wrapper.Path,
            Environment = new Dictionary<string, string?> { ["TMPDIR"] = "/proc/nowhere" },
        });
        var (key, tightKey) = await KillTests.SetUpAsync(server, mock);
        var told = new Acknowledged();
        using var stop = new CancellationTokenSource();
        var load = new KillLoad(server, told, key, tightKey);
        var running = load.RunAsync(stop.Token);
        await load.ToldMoreAsync(20);
        var idle = new List<System.Net.Sockets.TcpClient>();
        for (var connection = 0; connection < 300; connection++)
        {
            // More than the server may open: the ones beyond what it has room for are turned away, nobody else is thrown out.
            var client = new System.Net.Sockets.TcpClient();
            idle.Add(client);
            await client.ConnectAsync(IPAddress.Loopback, server.Port);
        }

        await Task.Delay(1_000);
        server.IsRunning.ShouldBeTrue(server.ErrorOutput());
        idle.ForEach(client => client.Dispose());
        await stop.CancelAsync();
        await running;
        using var again = new CancellationTokenSource();
        var after = new KillLoad(server, told, key, tightKey);
        var recovered = after.RunAsync(again.Token);
        await after.ToldMoreAsync(20);
        server.Kill();
        await recovered;
        await server.StartAsync();
        await new Auditor(() => SqliteFile.Connect(server)).HoldAsync(told, mock.Books);
    }

    [Fact]
    public async Task With_too_few_open_files_for_itself_the_server_says_so_in_one_line()
    {
        using var wrapper = new Wrapper("ulimit -n 256");
        await using var server = new CrewServer(new CrewServerOptions { Executable = wrapper.Path });
        var refused = await server.CommandAsync("serve", "--data", server.DataFolder);
        refused.ExitCode.ShouldBe(1);
        refused.Error.Trim().Split('\n').ShouldHaveSingleItem().ShouldStartWith("crew: This process may have 256 open files");
        refused.Error.ShouldContain("(open_files_too_few)");
    }

    /// <summary>Leaves a little room on the disk and works until it is used up; returns the refusal.</summary>
    private static async Task<string> FillAsync(CrewServer server, string key, KillLoad load)
    {
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(stop.Token);
        await load.ToldMoreAsync(20);
        var room = new DriveInfo(server.DataFolder).AvailableFreeSpace - BallastBytes;
        await using (var ballast = new FileStream(Path.Combine(server.DataFolder, "ballast"), FileMode.CreateNew))
        {
            var zeros = new byte[64 * 1024];
            for (; room > 0; room -= zeros.Length)
            {
                await ballast.WriteAsync(zeros);
            }
        }

        try
        {
            for (var tries = 0; ; tries++)
            {
                using var refused = await AskAsync(server.Client(key));
                if (refused.StatusCode != HttpStatusCode.OK)
                {
                    refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
                    refused.Headers.GetValues("x-should-retry").ShouldBe(["true"]);
                    var error = await refused.Content.ReadFromJsonAsync<JsonElement>();
                    return error.GetProperty("error").GetProperty("code").GetString()!;
                }

                tries.ShouldBeLessThan(20_000, "the disk does not fill up");
            }
        }
        finally
        {
            await stop.CancelAsync();
            await running;
        }
    }

    private static Task<HttpResponseMessage> AskAsync(HttpClient client) => client.PostAsJsonAsync("/v1/chat/completions",
        new { model = KillLoad.Model, max_tokens = 16, messages = new[] { new { role = "user", content = "hello" } } });

    private static async Task<MockProvider> NewMockAsync()
    {
        var mock = await MockProvider.StartAsync(new MockProviderOptions { KeptBodies = 0 });
        mock.Default = KillLoad.Speaks;
        return mock;
    }

    private static async Task MountAsync(string program, params string[] arguments)
    {
        var (code, _, error) = await ForgetfulDisk.RunAsync(program, arguments);
        code.ShouldBe(0, error);
    }

    /// <summary>A script that narrows the world and then becomes the server.</summary>
    private sealed class Wrapper : IDisposable
    {
        public Wrapper(string narrows)
        {
            Path = System.IO.Path.Combine(Directory.CreateTempSubdirectory("crew-narrow-").FullName, "crew");
            File.WriteAllText(Path, $"#!/bin/sh\n{narrows}\nexec '{CrewExecutable.Find()}' \"$@\"\n");
            File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        public string Path { get; }

        public void Dispose() => Directory.Delete(System.IO.Path.GetDirectoryName(Path)!, recursive: true);
    }
}

using System.Diagnostics;
using System.Text;
using Crew.Testing;
using Shouldly;
using Xunit;

namespace Crew.Clients.Tests;

/// <summary>Drives the cases in <c>tests/clients</c>: the official <c>openai</c> package for Node.</summary>
public sealed class NodeClientTests(ClientStage stage)
{
    private static readonly string Folder = Path.Combine(CrewExecutable.RepositoryRoot, "tests", "clients");

    [Fact]
    public async Task The_openai_package_for_Node_passes_all_its_cases()
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules")))
        {
            var installed = await RunAsync("npm", ["ci", "--no-audit", "--no-fund"], []);
            installed.ExitCode.ShouldBe(0, installed.Output);
        }

        var run = await RunAsync("node", ["--test", "--test-concurrency=1"], new()
        {
            ["CREW_BASE_URL"] = stage.Server.OpenAiBaseUrl.ToString(),
            ["CREW_KEY"] = stage.Key,
            ["CREW_CAPPED_KEY"] = stage.CappedKey,
            ["CREW_MODEL"] = ClientStage.Model,
            ["CREW_CONTROL_URL"] = new Uri(stage.Mock.BaseUrl, "/control").ToString(),
        });
        run.ExitCode.ShouldBe(0, run.Output);
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(
        string program, string[] arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var text = new StringBuilder();
        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (text)
            {
                text.AppendLine(line.Data);
            }
        }

        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(5));
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }

        return (process.ExitCode, text.ToString());
    }
}

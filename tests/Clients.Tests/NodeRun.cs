using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Crew.Testing;
using Shouldly;
using Xunit;

namespace Crew.Clients.Tests;

/// <summary>One run of the cases in <c>tests/clients</c>.</summary>
internal static partial class NodeRun
{
    private static readonly string Folder = Path.Combine(CrewExecutable.RepositoryRoot, "tests", "clients");

    /// <summary>Runs all and returns their titles; throws where one fails.</summary>
    public static async Task<IReadOnlyCollection<string>> PassAsync(ClientStage stage)
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "@anthropic-ai")))
        {
            var installed = await RunAsync("npm", ["ci", "--no-audit", "--no-fund"], []);
            installed.ExitCode.ShouldBe(0, installed.Output);
        }

        await stage.ResetAsync();
        var run = await RunAsync("node", ["--test", "--test-concurrency=1", "--test-reporter=tap"], new()
        {
            ["CREW_BASE_URL"] = stage.Server.OpenAiBaseUrl.ToString(),
            ["CREW_KEY"] = stage.Key,
            ["CREW_CAPPED_KEY"] = stage.CappedKey,
            ["CREW_MODEL"] = ClientStage.Model,
            ["CREW_MODELS"] = JsonSerializer.Serialize(ClientStage.Models),
            ["CREW_CONTROL_URL"] = new Uri(stage.Mock.BaseUrl, "/control").ToString(),
        });
        run.ExitCode.ShouldBe(0, run.Output);
        return [.. Passed().Matches(run.Output).Select(match => match.Groups[1].Value.Trim())];
    }

    [GeneratedRegex(@"^ *ok \d+ - (.+)$", RegexOptions.Multiline)]
    private static partial Regex Passed();

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

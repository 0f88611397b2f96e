using System.Diagnostics;
using Crew.Bench.Control;

namespace Crew.Bench.Run;

/// <summary>A helper process of this program: the mock provider or the control.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process _process;

    private Child(Process process, Uri url)
    {
        _process = process;
        Url = url;
    }

    public Uri Url { get; }

    public int ProcessId => _process.Id;

    /// <summary>Starts a mode of this program and waits until it listens. It ends when this process does.</summary>
    public static async Task<Child> StartAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])[.. arguments, "--parent"])
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        var line = await process.StandardOutput.ReadLineAsync();
        return line?.StartsWith(ChildLife.Announcement, StringComparison.Ordinal) == true
            ? new Child(process, new Uri(line[ChildLife.Announcement.Length..]))
            : throw new InvalidOperationException($"The helper {arguments[0]} did not start.");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}

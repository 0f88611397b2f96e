using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Crew.Bench.Measure;
using Crew.Testing;

namespace Crew.Bench.Run;

/// <summary>The gateway of npm, <c>@portkey-ai/gateway</c>, as its package starts it. <c>./bench.sh --peers</c> installs it under bench/peers.</summary>
internal sealed class PeerGateway : IDisposable
{
    public const string Name = "@portkey-ai/gateway";

    private readonly Process _process;

    private PeerGateway(Process process, Uri url) => (_process, Url) = (process, url);

    public static bool IsInstalled => File.Exists(Script);

    public Uri Url { get; }

    public IReadOnlyList<int> ProcessIds => ProcessUse.Family(_process.Id);

    private static string Script => Path.Combine(CrewExecutable.RepositoryRoot, "bench", "peers", "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");

    /// <summary>What tells it where a request goes; it has no catalogue of its own.</summary>
    public static string Headers(Uri upstream) => $"x-portkey-provider: openai\r\nx-portkey-custom-host: {new Uri(upstream, "/v1")}\r\n";

    public static async Task<PeerGateway> StartAsync(Uri upstream)
    {
        var port = PostgresServer.FreePort();
        var start = new ProcessStartInfo("node", [Script, $"--port={port}", "--headless"])
        {
            RedirectStandardOutput = true,
            Environment = { ["NODE_ENV"] = "production", ["TRUSTED_CUSTOM_HOSTS"] = $"{upstream.Host},{upstream.Authority},localhost" },
        };
        var process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        var peer = new PeerGateway(process, new Uri($"http://127.0.0.1:{port}"));
        for (var attempt = 0; attempt < 400; attempt++)
        {
            using var probe = new TcpClient();
            try
            {
                await probe.ConnectAsync(IPAddress.Loopback, port);
                return peer;
            }
            catch (SocketException)
            {
                await Task.Delay(25);
            }
        }

        peer.Dispose();
        throw new TimeoutException($"{Name} did not listen.");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}

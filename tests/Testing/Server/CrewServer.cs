using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Crew.Testing;

/// <summary>
/// The real executable as a child process, with its data in a temporary folder. <c>data/</c>, the key file beside it, the
/// captured output and the child's temporary files all lie below <see cref="Root"/>, so that one scan sees everything.
/// </summary>
public sealed partial class CrewServer : IAsyncDisposable
{
    private const int Terminate = 15;
    private const int Continue = 18;
    private const int Stop = 19;
    private const int AddressRaces = 3;

    private static readonly JsonSerializerOptions Snake = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly CrewServerOptions _options;
    private readonly string _executable;
    private readonly Dictionary<string, string?> _environment;
    private readonly List<HttpClient> _clients = [];
    private Process? _process;
    private Task _capture = Task.CompletedTask;
    private CrewInstallation? _installation;
    private int _starts;

    public CrewServer(CrewServerOptions? options = null)
    {
        _options = options ?? new CrewServerOptions();
        _executable = _options.Executable ?? CrewExecutable.Find();
        Root = Directory.CreateTempSubdirectory("crew-server-").FullName;
        Directory.CreateDirectory(Path.Combine(Root, "tmp"));
        Directory.CreateDirectory(Path.Combine(Root, "logs"));
        _environment = EnvironmentOfChild();
    }

    /// <summary>Everything that the child writes lies below this folder.</summary>
    public string Root { get; }

    public string DataFolder => Path.Combine(Root, "data");

    public string LogFolder => Path.Combine(Root, "logs");

    /// <summary>Known from the first start on; a restart keeps it.</summary>
    public int Port { get; private set; }

    public Uri Address => new($"http://127.0.0.1:{Port}");

    /// <summary>The address that links, cookies and passkeys are made for.</summary>
    public Uri PublicAddress => new($"http://{_options.PublicHost ?? "127.0.0.1"}:{Port}");

    /// <summary>What an OpenAI client takes as its base URL.</summary>
    public Uri OpenAiBaseUrl => new(Address, "/v1");

    public bool IsRunning => _process is { HasExited: false };

    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("The server was never started.");

    public CrewInstallation Installation => _installation ?? throw new InvalidOperationException("Call InitAsync first.");

    /// <summary>Initialises and starts in one go.</summary>
    public static async Task<CrewServer> StartNewAsync(CrewServerOptions? options = null)
    {
        var server = new CrewServer(options);
        try
        {
            await server.InitAsync();
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs <c>crew init --json</c> and reads the one object that it prints.</summary>
    public async Task<CrewInstallation> InitAsync()
    {
        var command = await CommandAsync("init", "--data", DataFolder, "--email", _options.OwnerEmail, "--json");
        if (command.ExitCode != 0)
        {
            throw new InvalidOperationException($"crew init ended with {command.ExitCode}: {command.Error}");
        }

        _installation = JsonSerializer.Deserialize<CrewInstallation>(command.Output, Snake)
            ?? throw new InvalidOperationException("crew init printed null.");
        return _installation;
    }

    /// <summary>Takes over the installation that another server of the same database has made.</summary>
    public void Join(CrewInstallation installation) => _installation = installation;

    /// <summary>Stops the process in its tracks (SIGSTOP): it answers nothing, and loses nothing.</summary>
    public void Pause() => Signal(Stop);

    /// <summary>Lets a stopped process go on (SIGCONT).</summary>
    public void Resume() => Signal(Continue);

    /// <summary>Asks the server to stop (SIGTERM) and does not wait for it.</summary>
    public void Ask() => Signal(Terminate);

    /// <summary>Runs any command of the product in the child's environment and waits for its end.</summary>
    public async Task<CrewCommand> CommandAsync(params string[] arguments)
    {
        using var process = Launch(arguments);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CrewCommand(process.ExitCode, await output, await error);
    }

    /// <summary>Serves on a free port and returns when <c>/health/ready</c> answers 200.</summary>
    public async Task StartAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            Port = Port == 0 ? PostgresServer.FreePort() : Port;
            Serve();
            try
            {
                await UntilReadyAsync();
                return;
            }
            catch (InvalidOperationException taken)
                when (attempt < AddressRaces && taken.Message.Contains("in use", StringComparison.OrdinalIgnoreCase))
            {
                Port = 0;
            }
        }
    }

    /// <summary>Asks the server to stop (SIGTERM) and returns its exit code.</summary>
    public async Task<int> StopAsync(TimeSpan? limit = null)
    {
        var process = _process ?? throw new InvalidOperationException("The server was never started.");
        if (!process.HasExited)
        {
            _ = SendSignal(process.Id, Terminate);
        }

        using var late = new CancellationTokenSource(limit ?? TimeSpan.FromSeconds(30));
        await process.WaitForExitAsync(late.Token);
        await _capture;
        return process.ExitCode;
    }

    /// <summary>Ends the server as a power cut would (SIGKILL).</summary>
    public void Kill()
    {
        if (_process is { HasExited: false } process)
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    /// <summary>Waits until the server has ended by itself; false when it still runs after the limit.</summary>
    public async Task<bool> EndedAsync(TimeSpan limit)
    {
        using var late = new CancellationTokenSource(limit);
        try
        {
            await (_process ?? throw new InvalidOperationException("The server was never started.")).WaitForExitAsync(late.Token);
            await _capture;
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Sets a variable of the child's environment from its next start on; null takes it away.</summary>
    public void Set(string name, string? value) => _environment[name] = value;

    /// <summary>What the kit itself gives the child under this name; null when it gives nothing.</summary>
    public string? Variable(string name) => _environment.GetValueOrDefault(name);

    /// <summary>Stops (or finds it dead) and starts on the same port and data.</summary>
    public async Task RestartAsync()
    {
        if (IsRunning)
        {
            await StopAsync();
        }

        await StartAsync();
    }

    /// <summary>A client that sends this key as a bearer, or none.</summary>
    public HttpClient Client(string? key)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false })
        {
            BaseAddress = Address,
            Timeout = TimeSpan.FromSeconds(100),
        };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        }

        lock (_clients)
        {
            _clients.Add(client);
        }

        return client;
    }

    /// <summary>All that the child printed to its standard error so far, over all starts.</summary>
    public string ErrorOutput() => ReadLogs("*.stderr");

    public string Output() => ReadLogs("*.stdout");

    public async ValueTask DisposeAsync()
    {
        Kill();
        await _capture;
        foreach (var client in _clients)
        {
            client.Dispose();
        }

        _process?.Dispose();
        if (!_options.KeepFiles)
        {
            Directory.Delete(Root, recursive: true);
        }
    }

    private void Signal(int signal)
    {
        if (_process is not { HasExited: false } process || SendSignal(process.Id, signal) != 0)
        {
            throw new InvalidOperationException("The server does not run.");
        }
    }

    private void Serve()
    {
        var start = Interlocked.Increment(ref _starts);
        var urls = string.Join(';', [Address.GetLeftPart(UriPartial.Authority), .. _options.FurtherUrls]);
        if (_options.PublicHost is not null)
        {
            _environment["CREW_PUBLIC_URL"] = PublicAddress.GetLeftPart(UriPartial.Authority);
        }

        _process = Launch(["serve", "--data", DataFolder, "--urls", urls, .. _options.ServeArguments]);
        _process.StandardInput.Close();
        _capture = Task.WhenAll(
            CaptureAsync(_process.StandardOutput, $"serve-{start:D3}.stdout"),
            CaptureAsync(_process.StandardError, $"serve-{start:D3}.stderr"));
    }

    private Process Launch(string[] arguments)
    {
        var start = new ProcessStartInfo(_executable)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Root,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start) ?? throw new InvalidOperationException("The product did not start.");
    }

    /// <summary>The child sees no setting of the machine: only what the options give.</summary>
    private Dictionary<string, string?> EnvironmentOfChild()
    {
        var environment = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (string inherited in System.Environment.GetEnvironmentVariables().Keys)
        {
            if (inherited.StartsWith("CREW_", StringComparison.Ordinal) || inherited is "OPENAI_API_KEY" or "ANTHROPIC_API_KEY"
                || inherited.EndsWith("_PROXY", StringComparison.OrdinalIgnoreCase))
            {
                environment[inherited] = null;
            }
        }

        // A test that stops a server has nobody to tell.
        environment["CREW_DRAIN_NOTICE_SECONDS"] = "0";
        environment["TMPDIR"] = Path.Combine(Root, "tmp");
        environment["CREW_EGRESS_ALLOW"] = string.Join(',', _options.Providers.Select(mock => mock.EgressEntry).Concat(_options.Egress));
        if (_options.Database is not null)
        {
            environment["CREW_DATABASE"] = _options.Database;
            environment["CREW_MASTER_KEY"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        }

        foreach (var (name, value) in _options.Environment)
        {
            environment[name] = value;
        }

        return environment;
    }

    private async Task UntilReadyAsync()
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(_options.ReadyWithinSeconds))
        {
            if (_process!.HasExited)
            {
                await _capture;
                throw new InvalidOperationException($"The server ended with {_process.ExitCode} before it was ready: {ErrorOutput()}");
            }

            try
            {
                using var ready = await client.GetAsync(new Uri(Address, "/health/ready"));
                if (ready.StatusCode == HttpStatusCode.OK)
                {
                    return;
                }
            }
            catch (Exception notYet) when (notYet is HttpRequestException or TaskCanceledException)
            {
                // It is still starting; the loop's limit decides when that is too long.
            }

            await Task.Delay(10);
        }

        Kill();
        throw new TimeoutException($"The server was not ready within {_options.ReadyWithinSeconds} s: {ErrorOutput()}");
    }

    private async Task CaptureAsync(StreamReader source, string name)
    {
        await using var file = new FileStream(
            Path.Combine(LogFolder, name), FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        await source.BaseStream.CopyToAsync(file);
    }

    private string ReadLogs(string pattern)
    {
        var text = new StringBuilder();
        foreach (var path in Directory.EnumerateFiles(LogFolder, pattern).Order(StringComparer.Ordinal))
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(file);
            text.Append(reader.ReadToEnd());
        }

        return text.ToString();
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int processId, int signal);
}

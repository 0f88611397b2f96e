using System.Text.Json;
using Crew.Kernel;

namespace Crew.Host;

/// <summary>
/// The configuration: flags override the environment, the environment overrides <c>crew.json</c> (in the working directory).
/// Names are the environment's; in <c>crew.json</c> they are lower case without the prefix (<c>CREW_DATA</c> is <c>data</c>).
/// </summary>
internal sealed class CrewSettings
{
    /// <summary>Longest notice, and longest deadline, of an orderly stop.</summary>
    public const int MaximumDrainSeconds = 3_600;

    /// <summary>Longest wait of a start for one answer of PostgreSQL.</summary>
    private const int MaximumStartWaitSeconds = 3_600;

    /// <summary>Shortest and longest silence of a stream before a ping.</summary>
    public const decimal LeastPingSeconds = 0.1m;
    public const int MaximumPingSeconds = 3_600;

    public const string DefaultUrl = "http://127.0.0.1:7080";

    private static readonly string[] Known =
    [
        "CREW_DATA", "CREW_URLS", "CREW_DATABASE", "CREW_PUBLIC_URL", "CREW_MASTER_KEY", "CREW_MASTER_KEY_FILE", "CREW_TLS_CERT", "CREW_TLS_KEY",
        "CREW_TRUSTED_PROXIES", "CREW_DRAIN_NOTICE_SECONDS", "CREW_DRAIN_SECONDS", "CREW_START_WAIT_SECONDS", "CREW_EGRESS_ALLOW", "CREW_SMTP_URL", "CREW_METRICS_URLS", "CREW_METRICS_TOKEN",
        "CREW_EGRESS_PROXY", "CREW_EGRESS_NO_PROXY", "CREW_EGRESS_PROXY_TARGET", "CREW_EGRESS_CA", "CREW_GITHUB_SCANNING_KEYS", "CREW_GEO_FILE",
        "CREW_STREAM_PING_SECONDS",
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OPENAI_API_KEY", "ANTHROPIC_API_KEY",
    ];

    private readonly Dictionary<string, string> _values;

    private CrewSettings(Dictionary<string, string> values) => _values = values;

    public string DataFolder => Path.GetFullPath(Get("CREW_DATA") ?? "data");

    public IReadOnlyList<string> Urls => (Get("CREW_URLS") ?? DefaultUrl).Split([';', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    public string? Database => Get("CREW_DATABASE");

    /// <summary>The only source of links; off loopback it must be set, on loopback it is the first URL.</summary>
    public string PublicUrl => (Get("CREW_PUBLIC_URL") ?? Urls[0]).TrimEnd('/');

    /// <summary>The same as an address, for links: a wildcard to listen on is this machine to itself.</summary>
    public Uri PublicAddress => new(PublicUrl.Replace("://*", "://localhost", StringComparison.Ordinal).Replace("://+", "://localhost", StringComparison.Ordinal));

    /// <summary>Where mail is handed over.</summary>
    public string? SmtpUrl => Get("CREW_SMTP_URL");

    public string? MasterKey => Get("CREW_MASTER_KEY");

    public string? MasterKeyFile => Get("CREW_MASTER_KEY_FILE");

    public string? TlsCertificate => Get("CREW_TLS_CERT");

    public string? TlsKey => Get("CREW_TLS_KEY");

    public string? TrustedProxies => Get("CREW_TRUSTED_PROXIES");

    public string? EgressAllow => Get("CREW_EGRESS_ALLOW");

    /// <summary>The outbound proxy: ours, or the one that programs of this machine take by custom.</summary>
    public string? EgressProxy => Get("CREW_EGRESS_PROXY") ?? Customary("HTTPS_PROXY", "https_proxy");

    public string? EgressNoProxy => Get("CREW_EGRESS_NO_PROXY") ?? Customary("NO_PROXY", "no_proxy");

    public string? EgressProxyTarget => Get("CREW_EGRESS_PROXY_TARGET");

    /// <summary>PEM file of certificate authorities that are trusted beside the system's.</summary>
    public string? EgressCa => Get("CREW_EGRESS_CA");

    /// <summary>Where the public keys of GitHub's secret scanning come from: an address, or the path of a file.</summary>
    public string? GitHubScanningKeys => Get("CREW_GITHUB_SCANNING_KEYS");

    /// <summary>A file in the MaxMind DB format that tells which country an address is in.</summary>
    public string? GeoFile => Get("CREW_GEO_FILE");

    public IReadOnlyList<string> MetricsUrls =>
        (Get("CREW_METRICS_URLS") ?? "").Split([';', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>
    /// How long a stop is announced before it begins, in seconds. A server alone has nobody to send its callers to, so there the default
    /// is zero.
    /// </summary>
    public int DrainNoticeSeconds => Seconds("CREW_DRAIN_NOTICE_SECONDS") ?? (Database is null ? 0 : 5);

    /// <summary>How long requests and streams under way may go on when the server stops, in seconds.</summary>
    public int DrainSeconds => Seconds("CREW_DRAIN_SECONDS") ?? 30;

    /// <summary>How long a start waits for an answer of PostgreSQL before it gives up, in seconds.</summary>
    public int StartWaitSeconds => Seconds("CREW_START_WAIT_SECONDS") ?? 60;

    /// <summary>After how much silence the client of a stream gets a sign of life, in seconds; zero is never.</summary>
    public decimal StreamPingSeconds => Get("CREW_STREAM_PING_SECONDS") is not { } text ? 15
        : decimal.TryParse(text, System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out var seconds) ? seconds : -1;

    public string? MetricsToken => Get("CREW_METRICS_TOKEN");

    /// <summary>Where spans go (OTLP); without it none are made.</summary>
    public Uri? TraceCollector => Get("OTEL_EXPORTER_OTLP_ENDPOINT") is { } text ? new Uri(text) : null;

    public string? OpenAiApiKey => Get("OPENAI_API_KEY");

    public string? AnthropicApiKey => Get("ANTHROPIC_API_KEY");

    /// <summary>The key file that the first start on SQLite makes: beside the data folder, never in it.</summary>
    public string DefaultKeyFile => Sealing.MasterKey.DefaultFileOf(DataFolder);

    public string FirstRunFile => DataFolder.TrimEnd('/') + ".first-run.json";

    public static Outcome<CrewSettings> Load(params IEnumerable<(string Name, string? Value)> flags)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        if (ReadFile(values) is { } fault)
        {
            return fault;
        }

        foreach (var name in Known)
        {
            if (Environment.GetEnvironmentVariable(name) is { Length: > 0 } value)
            {
                values[name] = value;
            }
        }

        foreach (var (name, value) in flags)
        {
            if (!string.IsNullOrEmpty(value))
            {
                values[name] = value;
            }
        }

        var settings = new CrewSettings(values);
        return settings.Check() is { } wrong ? wrong : settings;
    }

    private string? Get(string name) => _values.GetValueOrDefault(name);

    private int? Seconds(string name) => Get(name) is { } text ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : null;

    private static string? Customary(string name, string alternative) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value
        : Environment.GetEnvironmentVariable(alternative) is { Length: > 0 } other ? other : null;

    private static Fault? ReadFile(Dictionary<string, string> values)
    {
        const string file = "crew.json";
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(file));
            foreach (var field in document.RootElement.EnumerateObject())
            {
                var name = Known.FirstOrDefault(k => k.Replace("CREW_", "", StringComparison.Ordinal).Equals(field.Name, StringComparison.OrdinalIgnoreCase));
                if (name is null)
                {
                    return Faults.Invalid(field.Name, $"crew.json has the unknown setting '{field.Name}'. "
                        + $"Known: {string.Join(", ", Known.Select(k => k.Replace("CREW_", "", StringComparison.Ordinal).ToLowerInvariant()))}.");
                }

                values[name] = field.Value.ValueKind == JsonValueKind.String ? field.Value.GetString()! : field.Value.GetRawText();
            }

            return null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            return Faults.Invalid("crew.json", "crew.json cannot be read as a JSON object. Check its syntax and its permissions.");
        }
    }

    /// <summary>What would be unsafe or cannot work, said before anything starts.</summary>
    private Fault? Check()
    {
        if (CheckPublicUrl() is { } unusable)
        {
            return unusable;
        }

        if (CheckSeconds() is { } untimely)
        {
            return untimely;
        }

        if (Get("OTEL_EXPORTER_OTLP_ENDPOINT") is { } collector
            && !(Uri.TryCreate(collector, UriKind.Absolute, out var place) && place.Scheme is "http" or "https" && place.UserInfo.Length == 0))
        {
            return Faults.Invalid("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT is the address of a collector, for example "
                + "http://127.0.0.1:4317, without user and password: those go into OTEL_EXPORTER_OTLP_HEADERS.");
        }

        if (TlsCertificate is null != TlsKey is null)
        {
            var (given, missing) = TlsKey is null ? ("CREW_TLS_CERT", "CREW_TLS_KEY") : ("CREW_TLS_KEY", "CREW_TLS_CERT");
            return Faults.Invalid(missing, $"{given} is set, but {missing} is not, and neither is of use alone. Set both to PEM files, or none.");
        }

        foreach (var url in Urls.Concat(MetricsUrls))
        {
            var listened = url.Replace("://*", "://any.host", StringComparison.Ordinal).Replace("://+", "://any.host", StringComparison.Ordinal);
            if (!Uri.TryCreate(listened, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https"))
            {
                return Faults.Invalid("--urls", $"'{url}' is no URL to listen on. Write for example http://127.0.0.1:7080.");
            }

            if (parsed.Scheme == "http" && !IsLoopback(parsed) && TrustedProxies is null)
            {
                return Faults.Invalid("--urls", $"{url} would serve plain HTTP beyond this machine. "
                    + "Set CREW_TLS_CERT and CREW_TLS_KEY and use https://, or name the proxy in front with CREW_TRUSTED_PROXIES.");
            }

            if (parsed.Scheme == "https" && (TlsCertificate is null || TlsKey is null))
            {
                return Faults.Invalid("--urls", $"{url} needs a certificate. Set CREW_TLS_CERT and CREW_TLS_KEY to PEM files.");
            }

            if (!IsLoopback(parsed) && Get("CREW_PUBLIC_URL") is null)
            {
                return Faults.Invalid("CREW_PUBLIC_URL", $"{url} is reachable from other machines, so CREW_PUBLIC_URL must say under which address (for example https://crew.example.com).");
            }
        }

        return null;
    }

    private Fault? CheckSeconds()
    {
        foreach (var (name, most) in new[]
        {
            ("CREW_DRAIN_NOTICE_SECONDS", MaximumDrainSeconds), ("CREW_DRAIN_SECONDS", MaximumDrainSeconds), ("CREW_START_WAIT_SECONDS", MaximumStartWaitSeconds),
        })
        {
            if (Get(name) is { } text && !(int.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var seconds) && seconds >= 0 && seconds <= most))
            {
                return Faults.Invalid(name, $"{name} is a whole number of seconds from 0 to {most}.");
            }
        }

        if (StreamPingSeconds is not (0 or (>= LeastPingSeconds and <= MaximumPingSeconds)))
        {
            return Faults.Invalid("CREW_STREAM_PING_SECONDS", $"CREW_STREAM_PING_SECONDS is a number of seconds from {LeastPingSeconds} to {MaximumPingSeconds}, or 0 for no pings.");
        }

        return null;
    }

    private Fault? CheckPublicUrl() => Get("CREW_PUBLIC_URL") is { } address
        && !(Uri.TryCreate(address, UriKind.Absolute, out var known) && known is { Scheme: "http" or "https", PathAndQuery: "/", UserInfo: "" })
        ? Faults.Invalid("CREW_PUBLIC_URL", "CREW_PUBLIC_URL is the address that people type, such as https://crew.example.com: scheme and host, and no path. "
            + "Links and cookies are made for it.")
        : null;

    private static bool IsLoopback(Uri url) => url.IsLoopback;
}

using System.CommandLine;
using System.Reflection;
using System.Text.Json;
using Crew.Kernel;

namespace Crew.Host.Commands;

/// <summary>What all commands share: options, the way a refusal is printed, and how an installation is opened.</summary>
internal static class CommandLine
{
    public static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The version of this build, without the hash of its source.</summary>
    public static string Version { get; } =
        (typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    public static Option<string?> Data { get; } = new("--data") { Description = "Folder of the data (default ./data)." };

    public static Option<string?> Database { get; } = new("--database") { Description = "Npgsql connection string; without it, SQLite in the data folder." };

    public static Option<bool> AsJson { get; } = new("--json") { Description = "Print one JSON object." };

    public static Option<string?> Urls { get; } = new("--urls") { Description = $"Where to listen (default {CrewSettings.DefaultUrl})." };

    /// <summary>Prints a refusal to standard error; the exit code is 1.</summary>
    public static int Refuse(Fault fault)
    {
        Terminal.Error($"crew: {fault.Message} ({fault.Code})");
        return 1;
    }

    /// <summary>Opens the installation that the options name, runs the work and closes it.</summary>
    public static Task<int> WithInstallationAsync(
        ParseResult options, bool mayBegin, Func<Installation, IServiceProvider, Task<Fault?>> work, CancellationToken cancel) =>
        WithPlaceAsync(options, async (installation, services) => await installation.OpenAsync(mayBegin, cancel) ?? await work(installation, services));

    /// <summary>Opens the installation without applying schema files, runs the work and closes it.</summary>
    public static Task<int> WithUnchangedAsync(ParseResult options, Func<Installation, IServiceProvider, Task<Fault?>> work, CancellationToken cancel) =>
        WithPlaceAsync(options, async (installation, services) => await installation.OpenUnchangedAsync(cancel) ?? await work(installation, services));

    /// <summary>Runs the work on a place that may hold an installation or not; nothing is opened.</summary>
    public static async Task<int> WithPlaceAsync(ParseResult options, Func<Installation, IServiceProvider, Task<Fault?>> work)
    {
        var settings = Settings(options);
        if (settings.Failed(out var wrong))
        {
            return Refuse(wrong);
        }

        var services = new ServiceCollection().AddLogging();
        if (services.AddCrew(settings.Value) is { } fault)
        {
            return Refuse(fault);
        }

        await using var provider = services.BuildServiceProvider();
        try
        {
            return await work(new Installation(provider, settings.Value), provider) is { } refused ? Refuse(refused) : 0;
        }
        catch (Storage.StorageUnavailableException)
        {
            return Refuse(Faults.StorageUnavailable);
        }
    }

    public static Outcome<CrewSettings> Settings(ParseResult options) =>
        CrewSettings.Load(
        ("CREW_DATA", options.GetValue(Data)),
        ("CREW_DATABASE", options.GetValue(Database)),
        ("CREW_URLS", options.CommandResult.Command.Options.Contains(Urls) ? options.GetValue(Urls) : null));
}

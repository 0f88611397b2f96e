using System.CommandLine;
using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Keys.Contracts;

namespace Crew.Host.Commands;

internal static class ServeCommand
{
    public static Command Make()
    {
        var email = new Option<string>("--email") { Description = "E-mail of the first Owner, for a first start.", DefaultValueFactory = _ => "owner@localhost" };
        var command = new Command("serve", "Serve API and docs. A first start makes the installation.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.Urls, email,
        };
        command.SetAction((options, cancel) => RunAsync(options, options.GetValue(email)!, cancel));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult options, string email, CancellationToken cancel)
    {
        var settings = CrewSettings.Load(
            ("CREW_DATA", options.GetValue(CommandLine.Data)), ("CREW_DATABASE", options.GetValue(CommandLine.Database)), ("CREW_URLS", options.GetValue(CommandLine.Urls)));
        if (settings.Failed(out var wrong))
        {
            return CommandLine.Refuse(wrong);
        }

        if (OpenFiles.Limit() is { } files and < OpenFiles.Own)
        {
            // Without this it would start, and end with an exception wherever it comes to need one more.
            return CommandLine.Refuse(HostFaults.OpenFilesTooFew(files));
        }

        var built = Server.Build(settings.Value);
        if (built.Failed(out var unbuilt))
        {
            return CommandLine.Refuse(unbuilt);
        }

        await using var app = built.Value;
        var store = app.Services.GetRequiredService<Storage.Store>();
        using var patience = store.Starting.Begin(TimeSpan.FromSeconds(settings.Value.StartWaitSeconds), () => Terminal.Error(
            $"crew: PostgreSQL does not answer, or not in time. Asking again for up to {settings.Value.StartWaitSeconds} seconds (CREW_START_WAIT_SECONDS)."));
        var claim = await ClaimAsync(store, cancel);
        if (claim.Failed(out var taken))
        {
            return CommandLine.Refuse(taken);
        }

        await using var held = claim.Value;
        var up = await BringUpAsync(app, settings.Value, email, cancel);
        if (up.Failed(out var down))
        {
            return CommandLine.Refuse(down);
        }

        await using var place = up.Value;
        patience.Dispose();

        using var tracing = Tracing.Start(settings.Value.TraceCollector);
        try
        {
            await app.StartAsync(cancel);
        }
        catch (IOException error) when (error.InnerException is not null || error.Message.Contains("address", StringComparison.OrdinalIgnoreCase))
        {
            return CommandLine.Refuse(Faults.Invalid("--urls", $"Cannot listen on {string.Join(", ", settings.Value.Urls)}: "
                + "the port is taken or not allowed. Choose another with --urls."));
        }

        var data = settings.Value.Database is null ? settings.Value.DataFolder : "PostgreSQL";
        Terminal.Error($"crew serves {string.Join(", ", settings.Value.Urls)}  (docs: {settings.Value.PublicUrl}/docs, data: {data})");
        await DrainAsync(app, cancel);
        Tracing.Finish(tracing);
        return 0;
    }

    /// <summary>Serves until it is told to stop, then lets what is under way end.</summary>
    private static async Task DrainAsync(WebApplication app, CancellationToken cancel)
    {
        var asked = new TaskCompletionSource();
        using var byHost = app.Lifetime.ApplicationStopping.UnsafeRegister(static t => ((TaskCompletionSource)t!).TrySetResult(), asked);
        using var byCommand = cancel.UnsafeRegister(static t => ((TaskCompletionSource)t!).TrySetResult(), asked);
        await asked.Task;
        var drain = app.Services.GetRequiredService<Drain>();
        await drain.GiveNoticeAsync();
        await drain.StopAsync(app.StopAsync);
    }

    private static async Task<Outcome<IAsyncDisposable>> ClaimAsync(Storage.Store store, CancellationToken cancel)
    {
        try
        {
            return await store.TryServeAsync(cancel) is { } claim ? new Outcome<IAsyncDisposable>(claim) : HostFaults.AlreadyServed;
        }
        catch (Storage.StorageUnavailableException)
        {
            return HostFaults.DatabaseUnreachable;
        }
    }

    private static async Task<Outcome<IAsyncDisposable>> BringUpAsync(WebApplication app, CrewSettings settings, string email, CancellationToken cancel)
    {
        try
        {
            var installation = new Installation(app.Services, settings);
            if (await installation.OpenAsync(mayBegin: true, cancel) is { } closed)
            {
                return closed;
            }

            var begun = await installation.BeginAsync("Default", email, cancel);
            if (begun.Failed(out var fault))
            {
                return fault;
            }

            if (begun.Value is { } made)
            {
                Announce(made, settings);
                CrashPoint.Pass(CrashPoints.FirstRunFileAfter);
            }
            else if (!File.Exists(settings.FirstRunFile) && !await app.Services.GetRequiredService<OperatorKeys>().AnyUsedAsync(cancel))
            {
                // A first start that died between the making of the keys and their announcement leaves keys that nobody has.
                Terminal.Error("No key of this installation was ever used. If nobody has one, make one: crew keys create --account --name operator");
            }

            app.Services.GetRequiredService<FirstRunFile>().Watch();
            return await JoinAsync(app, cancel);
        }
        catch (Storage.StorageUnavailableException)
        {
            return settings.Database is null ? Faults.StorageUnavailable : HostFaults.DatabaseUnreachable;
        }
    }

    /// <summary>Joins the nodes before anything is loaded, so that every change from then on is waited for here too.</summary>
    private static async Task<Outcome<IAsyncDisposable>> JoinAsync(WebApplication app, CancellationToken cancel)
    {
        var place = await app.Services.GetRequiredService<Storage.Store>().JoinAsync(cancel);
        if (await Server.StartModulesAsync(app.Services, cancel) is not { } fault)
        {
            return new Outcome<IAsyncDisposable>(place);
        }

        await place.DisposeAsync();
        return fault;
    }

    /// <summary>Shows the keys of a first start: to a terminal directly, elsewhere in a file that only this user can read.</summary>
    private static void Announce(FirstRun run, CrewSettings settings)
    {
        if (Terminal.IsInteractive)
        {
            InitCommand.Print(run, asJson: false);
            return;
        }

        // A file that lies there already keeps its own mode, and may be a link to somewhere else: the keys go into a new one.
        File.Delete(settings.FirstRunFile);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var file = new FileStream(settings.FirstRunFile, options);
        JsonSerializer.Serialize(file, run, CommandLine.Json);
        file.Flush(flushToDisk: true);
        Terminal.Error($"First start: the keys are in {settings.FirstRunFile} (readable by this user only; removed at first use).");
    }
}

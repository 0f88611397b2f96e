using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Host.Commands;

internal static class ClockCommand
{
    public static Command Make() => new("clock", "The clock that retention goes by: what it shows, and that it is right.") { MakeShow(), MakeConfirm() };

    private static Command MakeShow()
    {
        var show = new Command("show", "Show the time, and up to when it was trusted. A clock that jumped ahead expires nothing for a day.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson,
        };
        show.SetAction((options, cancel) => CommandLine.WithUnchangedAsync(options, async (installation, _) =>
        {
            Print(await RetentionClock.ReadAsync(installation.Store, cancel), options.GetValue(CommandLine.AsJson), "ages are counted from the trusted time");
            return null;
        }, cancel));
        return show;
    }

    private static Command MakeConfirm()
    {
        var time = new Argument<string>("time") { Description = "The time by a clock that you trust, such as 2026-12-01T14:30Z." };
        var confirm = new Command("confirm", "Say that the clock is right, so that ages are counted by it at once. What has expired by it is removed for good.")
        {
            CommandLine.Data, CommandLine.Database, CommandLine.AsJson, time,
        };
        confirm.SetAction((options, cancel) => CommandLine.WithInstallationAsync(options, mayBegin: false, async (installation, _) =>
        {
            if (!DateTimeOffset.TryParse(options.GetValue(time), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var given))
            {
                return Faults.Invalid("time", "The time is written as 2026-12-01T14:30Z, in UTC or with its offset.");
            }

            var confirmed = await RetentionClock.ConfirmAsync(installation.Store, Installation.Operator, given, cancel);
            if (confirmed.Failed(out var fault))
            {
                return fault;
            }

            Print(confirmed.Value, options.GetValue(CommandLine.AsJson), "confirmed: ages are counted by the clock from the next upkeep on, in ten seconds where a server runs");
            return null;
        }, cancel));
        return confirm;
    }

    /// <param name="read">What was read.</param>
    /// <param name="asJson">As one JSON object.</param>
    /// <param name="suspect">What to say of a clock that was not believed.</param>
    private static void Print(ClockReading read, bool asJson, string suspect) => Terminal.Line(asJson
        ? JsonSerializer.Serialize(new { read.Now, read.TrustedAt, WasSuspect = read.IsSuspect }, CommandLine.Json)
        : string.Create(CultureInfo.InvariantCulture, $"now {read.Now:yyyy-MM-dd HH:mm:ss}Z  trusted up to {read.TrustedAt:yyyy-MM-dd HH:mm:ss}Z  ")
            + (read.IsSuspect ? suspect : "ages are counted by the clock"));
}

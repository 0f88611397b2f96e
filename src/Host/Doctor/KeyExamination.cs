using Crew.Keys.Contracts;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Host;

/// <summary>What is to be said of the master key's file, of API keys and of what a first start left.</summary>
internal static class KeyExamination
{
    private const int MostNamed = 5;

    public static IEnumerable<StoreFinding> File(CrewSettings settings)
    {
        const string name = "master_key_file";
        var path = settings.MasterKey is not null ? null : settings.MasterKeyFile ?? (settings.Database is null ? settings.DefaultKeyFile : null);
        if (path is null || !System.IO.File.Exists(path))
        {
            yield break;
        }

        var full = Path.GetFullPath(path);
        if (full.StartsWith(settings.DataFolder.TrimEnd('/') + '/', StringComparison.Ordinal))
        {
            yield return new(name, FindingLevel.Failed, $"The master key lies in the data folder ({full}): who copies the data has its key.",
                $"Move it out, for example to {settings.DefaultKeyFile}, and name it with CREW_MASTER_KEY_FILE.");
        }
        else if (!MasterKey.IsPrivate(full))
        {
            yield return new(name, FindingLevel.Failed, $"Other users of this machine may read the master key ({full}).", $"chmod 600 {full}");
        }
        else
        {
            yield return new(name, FindingLevel.Ok,
                $"The master key file is private. Keep a copy of {full} apart from the backups: without it they cannot be opened.");
        }
    }

    public static async Task<IEnumerable<StoreFinding>> RunAsync(IServiceProvider services, CrewSettings settings, CancellationToken cancel)
    {
        var keys = (await services.GetRequiredService<OperatorKeys>().ListAsync(cancel)).Where(k => k.Status == "active").ToList();
        var due = keys.Where(k => k.RotationDue).ToList();
        var masters = keys.Where(k => k.Account).ToList();
        return
        [
            due.Count == 0
                ? new("keys_rotation", FindingLevel.Ok, "No API key is due for rotation.")
                : new("keys_rotation", FindingLevel.Warning, $"{due.Count} API keys are older than 90 days: {Names(due)}.",
                    "Roll them: POST /v1/api-keys/{id}/roll."),
            masters.Count == 0
                ? new("account_master", FindingLevel.Ok, "No account master is in use.")
                : new("account_master", FindingLevel.Warning, $"Keys with full account access are active: {Names(masters)}.",
                    "Make narrower keys (POST /v1/api-keys with the permissions that each program needs), then revoke these with crew keys revoke."),
            System.IO.File.Exists(settings.FirstRunFile)
                ? new("first_run_file", FindingLevel.Warning, $"The keys of the first start still lie in {settings.FirstRunFile}.",
                    $"Put the keys into a password store, then remove the file: rm {settings.FirstRunFile}")
                : new("first_run_file", FindingLevel.Ok, "No file of a first start is left."),
        ];
    }

    private static string Names(List<OperatorKey> keys) =>
        string.Join(", ", keys.Take(MostNamed).Select(k => $"{k.Id} ({k.Name})")) + (keys.Count > MostNamed ? ", …" : "");
}

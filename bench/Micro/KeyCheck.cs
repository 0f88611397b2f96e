using Crew.Bench.Load;
using Crew.Kernel;
using Crew.Keys;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Bench.Micro;

/// <summary>From the text of a key to its caller: checksum, fingerprint, look-up in memory. The path of every request.</summary>
internal static class KeyCheck
{
    private const int Keys = 10_000;

    public static Histogram Measure()
    {
        var folder = Directory.CreateTempSubdirectory("crew-bench-keys-").FullName;
        var store = Store.Open(new StoreOptions { DataFolder = folder }, new StorageModel(StoredKeys.Part, KeysModule.Part), [], TimeProvider.System);
        try
        {
            var (scheme, texts) = PrepareAsync(store).GetAwaiter().GetResult();
            return MicroBench.Measure(_ =>
            {
                var next = 0;
                return () => Check(scheme, texts[next++ % texts.Count]);
            }, threads: 2);
        }
        finally
        {
            store.DisposeAsync().AsTask().GetAwaiter().GetResult();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Check(KeyScheme scheme, string text)
    {
        var verification = scheme.VerifyAsync(text, CancellationToken.None);
        if (!verification.IsCompletedSuccessfully || verification.Result.Caller is null)
        {
            throw new InvalidOperationException("A known key was refused.");
        }
    }

    private static async Task<(KeyScheme Scheme, List<string> Texts)> PrepareAsync(Store store)
    {
        await store.MigrateAsync();
        var clock = TimeProvider.System;
        var keys = (await StoredKeys.OpenAsync(store, MasterKey.Generate(), clock, default)).Value;
        await store.StartAsync();
        var (organization, workspace) = (Id.New(IdPrefix.Organization, clock), Id.New(IdPrefix.Workspace, clock));
        await keys.EnsureAsync(KeyScope.Organization, organization, null, null, default);
        await keys.EnsureAsync(KeyScope.Workspace, workspace, KeyScope.Organization, organization, default);
        var mint = new KeyMint(keys, clock);
        var draft = new KeyDraft("bench", ["models:invoke"], PermissionSet.Of("models:invoke"), "live", null, null, [], null, null, null);
        var texts = new List<string>(Keys);
        await store.ChangeAsync<bool>(new Tenant(organization, workspace), Origin.System, db =>
        {
            for (var made = 0; made < Keys; made++)
            {
                var (key, text) = mint.Make(organization, workspace, draft, KeyKind.Service, false, "bench", null, null);
                db.Add(key);
                texts.Add(text.Reveal());
            }

            return Task.FromResult<Outcome<bool>>(true);
        });
        var index = new KeyIndex(store);
        await index.StartAsync(default);
        // No key here follows a person.
        var scheme = new KeyScheme(store, index, new PersonalKeys(null!, null!), mint, new KeyMarks(store, mint, clock), clock);
        foreach (var text in texts)
        {
            await scheme.VerifyAsync(text, default);
        }

        return (scheme, texts);
    }
}

using Crew.Bench.Load;
using Crew.Identity;
using Crew.Identity.Tokens;
using Crew.Kernel;
using Crew.Keys;
using Crew.Keys.Contracts;
using Crew.Sealing;
using Crew.Storage;
using Crew.Tenancy;
using Crew.Tenancy.Contracts;
using Crew.Tenancy.Workspaces;

namespace Crew.Bench.Micro;

/// <summary>From the text of an access token to its caller: signature (remembered), end, family, key, person. The path of every request by token.</summary>
internal static class TokenCheck
{
    private const int Tokens = 10_000;

    public static Histogram Measure()
    {
        var folder = Directory.CreateTempSubdirectory("crew-bench-tokens-").FullName;
        var model = new StorageModel(StoredKeys.Part, TenancyModule.Part, KeysModule.Part, IdentityModule.Part);
        var store = Store.Open(new StoreOptions { DataFolder = folder }, model, [], TimeProvider.System);
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

    private static void Check(TokenScheme scheme, string text)
    {
        var verification = scheme.VerifyAsync(text, CancellationToken.None);
        if (!verification.IsCompletedSuccessfully || verification.Result.Caller is null)
        {
            throw new InvalidOperationException("A known token was refused.");
        }
    }

    private static async Task<(TokenScheme Scheme, List<string> Texts)> PrepareAsync(Store store)
    {
        await store.MigrateAsync();
        var clock = TimeProvider.System;
        var keys = (await StoredKeys.OpenAsync(store, MasterKey.Generate(), clock, default)).Value;
        var lazy = new Lazy<StoredKeys>(keys);
        var (signers, families, people, workspaces) = (new SigningKeys(store, lazy), new TokenFamilies(store, clock), new PeopleDirectory(store, lazy), new WorkspaceDirectory(store));
        var index = new KeyIndex(store);
        await store.StartAsync();
        var home = (await new Provisioner(store, keys, clock).CreateAsync("bench", "owner@example.com", Origin.System, default)).Value;
        var mint = new KeyMint(keys, clock);
        var draft = new KeyDraft("bench", ["models:invoke"], PermissionSet.Of("models:invoke"), "live", null, null, [], null, null, null);
        var key = mint.Make(home.OrganizationId, home.WorkspaceId, draft, KeyKind.Service, false, "bench", null, null).Key;
        var rows = Enumerable.Range(0, Tokens).Select(_ => Family(home, key, clock.GetUtcNow())).ToList();
        await store.ChangeAsync<bool>(new Tenant(home.OrganizationId, home.WorkspaceId), Origin.System, db =>
        {
            db.Add(key);
            db.AddRange(rows);
            return Task.FromResult<Outcome<bool>>(true);
        });
        await index.StartAsync(default);
        await signers.StartAsync(default);
        var issuing = new IssuingKeys(index, new KeyScheme(store, index, new PersonalKeys(people, workspaces), mint, new KeyMarks(store, mint, clock), clock));
        var standing = new TokenStanding(store, families, issuing, people, workspaces);
        var issuer = new TokenIssuer(new TokenOptions(new Uri("https://crew.example.com")), signers, store);
        var scheme = new TokenScheme(store, keys, signers, families, standing, new TokenCache(), issuer, clock);
        var refresh = new RefreshText(keys);
        var texts = new List<string>(Tokens);
        foreach (var row in rows)
        {
            var family = (await families.FindAsync(row.Id, default))!;
            var found = (await standing.OfAsync(family, family.EndsAt, null, default)).Value;
            texts.Add(issuer.Issue(found, refresh.First(row.Id)).AccessToken);
            await scheme.VerifyAsync(texts[^1], default);
        }

        return (scheme, texts);
    }

    private static TokenFamily Family(ProvisionedOrganization home, ApiKey key, DateTimeOffset now) => new()
    {
        Id = Id.New(IdPrefix.TokenFamily, now),
        OrganizationId = home.OrganizationId,
        WorkspaceId = home.WorkspaceId,
        KeyId = key.Id,
        LineageId = key.LineageId,
        UserId = home.UserId,
        Subject = home.UserId,
        Permissions = ["models:invoke"],
        ExpiresInSeconds = 3_600,
        Number = 1,
        LatestHash = "",
        RefreshedAt = now,
        CreatedAt = now,
        EndsAt = now.AddDays(1),
    };
}

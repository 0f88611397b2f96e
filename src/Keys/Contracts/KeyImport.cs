using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Keys.Contracts;

/// <summary>A key of another product that gets a new key here: its text cannot be carried, because only a hash of it is known.</summary>
public sealed record ImportedKey(
    string Name, IReadOnlyList<string>? AllowedModels, int? RateLimitPerMinute, int? TokensPerMinute, DateTimeOffset? ExpiresAt, NewBudget? Budget);

/// <summary>A key that was made, with its text.</summary>
public sealed record MintedKey(string Name, string Id, SecretText Text);

/// <summary>Adds live service keys that may call models to a transaction, as the API would make them one by one.</summary>
public sealed class KeyImport
{
    private static readonly string[] _permissions = ["models:invoke", "models:read"];

    private readonly KeyMint _mint;
    private readonly KeyBudgets _budgets;
    private readonly TimeProvider _clock;

    internal KeyImport(KeyMint mint, KeyBudgets budgets, TimeProvider clock) => (_mint, _budgets, _clock) = (mint, budgets, clock);

    /// <summary>Adds what can be made. A key whose limits cannot be carried whole is not made at all: it would be one without them.</summary>
    /// <param name="db">A transaction of the operator.</param>
    /// <param name="place">Organization and workspace.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="author">Who is named as their maker.</param>
    /// <param name="refused">Takes the name of a key that was not made, and why.</param>
    public async Task<IReadOnlyList<MintedKey>> AddAsync(Db db, Tenant place, IReadOnlyList<ImportedKey> keys, string author, Action<string, string> refused)
    {
        var names = await db.Set<ApiKey>().Where(k => k.WorkspaceId == place.WorkspaceId && k.RevokedAt == null).Select(k => k.Name).ToListAsync();
        _ = PermissionSet.TryParse(_permissions, out var rights, out _);
        var made = new List<MintedKey>();
        foreach (var key in keys)
        {
            var wrong = names.Contains(key.Name) ? Faults.Invalid("name", "there is a live key of that name already")
                : KeyRequestCheck.Name(key.Name) ?? KeyRequestCheck.Models(key.AllowedModels) ?? KeyRequestCheck.Rate(key.RateLimitPerMinute)
                    ?? KeyRequestCheck.Expiry(key.ExpiresAt, _clock.GetUtcNow()) ?? PolicyCheck.Of("", null, key.TokensPerMinute, null);
            if (wrong is not null)
            {
                refused($"key {key.Name}", wrong.Message);
                continue;
            }

            var draft = new KeyDraft(key.Name, _permissions, rights, "live", null, null, [], key.AllowedModels, key.RateLimitPerMinute, key.ExpiresAt) { TokensPerMinute = key.TokensPerMinute };
            var (row, text) = _mint.Make(place.OrganizationId, place.WorkspaceId!, draft, KeyKind.Service, false, author, null, null);
            if (key.Budget is { } budget && _budgets.AddForKey(db, place.OrganizationId, place.WorkspaceId!, row.LineageId, budget) is { } unbudgeted)
            {
                refused($"key {key.Name}", unbudgeted.Message);
                continue;
            }

            CreateKey.Add(db, row);
            made.Add(new MintedKey(row.Name, row.Id, text));
        }

        return made;
    }
}

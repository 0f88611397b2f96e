using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Keys.Tests;

/// <summary>Guesses never reach the database: the store is closed before they begin, so that touching it would fail.</summary>
public sealed class KeyGuessingTests : IAsyncLifetime
{
    private const int Guesses = 100_000;
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private readonly string _folder = Directory.CreateTempSubdirectory("crew-keys-").FullName;
    private Store _store = null!;
    private KeyScheme _scheme = null!;
    private string _text = "";
    private string _idle = "";

    public async ValueTask InitializeAsync()
    {
        _store = Store.Open(new StoreOptions { DataFolder = _folder }, new StorageModel(StoredKeys.Part, KeysModule.Part), [], TimeProvider.System);
        (await _store.MigrateAsync()).Fault.ShouldBeNull();
        var keys = (await StoredKeys.OpenAsync(_store, MasterKey.Generate(), TimeProvider.System, default)).Value;
        (await _store.StartAsync()).Fault.ShouldBeNull();
        var (organization, workspace) = (Id.New(IdPrefix.Organization, TimeProvider.System), Id.New(IdPrefix.Workspace, TimeProvider.System));
        (await keys.EnsureAsync(KeyScope.Organization, organization, null, null, default)).ShouldBeNull();
        (await keys.EnsureAsync(KeyScope.Workspace, workspace, KeyScope.Organization, organization, default)).ShouldBeNull();
        var mint = new KeyMint(keys, TimeProvider.System);
        (_text, _idle) = (await MakeAsync(mint, organization, workspace), await MakeAsync(mint, organization, workspace));
        var index = new KeyIndex(_store);
        await index.StartAsync(default);
        index.Count.ShouldBe(2);
        // No key here follows a person.
        _scheme = new KeyScheme(_store, index, new PersonalKeys(null!, null!), mint, new KeyMarks(_store, mint, TimeProvider.System), TimeProvider.System);
        (await _scheme.VerifyAsync(_text, default)).Caller.ShouldNotBeNull();
        await _store.DisposeAsync();

        // Reading would open the file again, so it goes as well.
        foreach (var file in Directory.GetFiles(_folder, "crew.db*"))
        {
            File.Delete(file);
        }
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void A_hundred_thousand_keys_that_are_one_character_off_are_refused_without_the_store()
    {
        var random = new Random(20_261_101);
        var refused = 0;
        for (var guess = 0; guess < Guesses; guess++)
        {
            var characters = _text.ToCharArray();
            var at = random.Next(characters.Length);
            var other = Alphabet[random.Next(Alphabet.Length)];
            characters[at] = other == characters[at] ? '_' == other ? 'a' : (char)(other ^ 1) : other;
            refused += IsRefusedAtOnce(new string(characters)) ? 1 : 0;
        }

        refused.ShouldBe(Guesses);
    }

    [Fact]
    public void A_hundred_thousand_well_formed_keys_that_nobody_made_are_refused_without_the_store()
    {
        for (var guess = 0; guess < Guesses; guess++)
        {
            IsRefusedAtOnce(KeyText.Mint(KeyText.Live).Reveal()).ShouldBeTrue();
        }
    }

    [Fact]
    public async Task A_key_that_is_known_and_loaded_is_accepted_without_the_store()
    {
        var verification = _scheme.VerifyAsync(_text, default).AsTask();
        verification.IsCompletedSuccessfully.ShouldBeTrue();
        (await verification).Fault.ShouldBeNull();
    }

    [Fact]
    public async Task A_key_that_was_not_loaded_yet_needs_the_store_so_these_tests_would_notice() =>
        await Should.ThrowAsync<Exception>(async () => await _scheme.VerifyAsync(_idle, default));

    private bool IsRefusedAtOnce(string text)
    {
        var verification = _scheme.VerifyAsync(text, default);
        return verification.IsCompletedSuccessfully && verification.Result is { Caller: null, Fault.Code: "invalid_api_key" };
    }

    private async Task<string> MakeAsync(KeyMint mint, string organization, string workspace)
    {
        var draft = new KeyDraft("a key", ["*:read"], Permissions.AllRead, "live", null, null, [], null, null, null);
        var (key, text) = mint.Make(organization, workspace, draft, KeyKind.Service, false, "test", null, null);
        (await _store.ChangeAsync<bool>(new Tenant(organization, workspace), Origin.System, db =>
        {
            CreateKey.Add(db, key);
            return Task.FromResult<Outcome<bool>>(true);
        })).Fault.ShouldBeNull();
        return text.Reveal();
    }
}

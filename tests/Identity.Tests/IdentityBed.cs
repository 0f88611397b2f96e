using Crew.Sealing;
using Crew.Storage;

namespace Crew.Identity.Tests;

/// <summary>A store with the parts that this module needs, and its keys, in a folder of its own.</summary>
public sealed class IdentityBed : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("crew-identity-").FullName;

    public Store Store { get; private set; } = null!;

    public StoredKeys Keys { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var model = new StorageModel(StoredKeys.Part, Tenancy.TenancyModule.Part, IdentityModule.Part);
        Store = Store.Open(new StoreOptions { DataFolder = _folder }, model, [], TimeProvider.System);
        (await Store.MigrateAsync()).Fault.ShouldBeNull();
        Keys = (await StoredKeys.OpenAsync(Store, MasterKey.Generate(), TimeProvider.System, default)).Value;
        (await Store.StartAsync()).Fault.ShouldBeNull();
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

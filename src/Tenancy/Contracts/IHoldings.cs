using Crew.Kernel;
using Crew.Storage;

namespace Crew.Tenancy.Contracts;

/// <summary>What people hold in a workspace that must end when they leave it: keys that follow them, tokens that stand for them.</summary>
public interface IHoldings
{
    /// <summary>Ends what a person holds there, inside the transaction that takes their role away. On SQLite it runs on the writing thread.</summary>
    Task EndAsync(Db db, Tenant place, string userId, DateTimeOffset now);
}

using System.Linq.Expressions;
using System.Reflection;
using System.Text.Json;
using Crew.Kernel;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Crew.Storage;

/// <summary>
/// The one database context. It lives inside one tenant transaction of <see cref="Store"/> and sees that tenant's rows only:
/// named filters (<c>tenant</c>) stand on every entity, a check stands before every save, and on PostgreSQL forced row-level
/// security stands below both.
/// </summary>
public sealed class Db : DbContext
{
    private readonly StorageModel _model;
    private readonly List<Event> _events = [];
    private readonly List<AppendRow> _appended = [];
    private readonly List<(string Topic, string Subject)> _touched = [];

    internal Db(DbContextOptions<Db> options, StorageModel model, Tenant? tenant, SystemJob? job)
        : base(options)
    {
        (_model, CurrentTenant, Job) = (model, tenant, job);
        ChangeTracker.AutoDetectChangesEnabled = true;
        Database.AutoTransactionBehavior = AutoTransactionBehavior.Never;
        Database.AutoSavepointsEnabled = false;
    }

    /// <summary>The tenant of this transaction; throws in a system job, which has none.</summary>
    public Tenant Tenant => CurrentTenant ?? throw new InvalidOperationException("This transaction has no tenant.");

    /// <summary>The parts that make up the model; part of the cache key of the compiled model.</summary>
    internal StorageModel Parts => _model;

    /// <summary>The tenant of this transaction; null in a system job.</summary>
    public Tenant? CurrentTenant { get; }

    internal SystemJob? Job { get; }

    internal IReadOnlyList<Event> Events => _events;

    internal IReadOnlyList<AppendRow> Appended => _appended;

    internal IReadOnlyList<(string Topic, string Subject)> Touched => _touched;

    /// <summary>The version up to which everybody must have followed before this transaction answers, on PostgreSQL; zero for none.</summary>
    internal long FeedVersion { get; set; }

    /// <summary>What the query filters read. A transaction without tenant and job cannot exist (see <see cref="Store"/>).</summary>
    private bool IsSystem => Job is not null;

    private string FilterOrganization => CurrentTenant?.OrganizationId ?? (IsSystem ? "" : throw new InvalidOperationException("No tenant is set."));

    private string? FilterWorkspace => CurrentTenant is null && !IsSystem ? throw new InvalidOperationException("No tenant is set.") : CurrentTenant?.WorkspaceId;

    /// <summary>Adds an event: it commits with this transaction, in the audit log and wherever else events go.</summary>
    public void Raise(Event happened) => _events.Add(happened);

    /// <summary>Adds a row of an append table to this transaction.</summary>
    public void Append(AppendRow row) => _appended.Add(row);

    /// <summary>
    /// Says that a thing which nodes keep in memory has changed. Followers of the topic have applied it before the change answers.
    /// </summary>
    public void Touch(string topic, string subject) => _touched.Add((topic, subject));

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<MillisecondsConverter>();
        configurationBuilder.Properties<NanoUsd>().HaveConversion<NanoUsdConverter>();
        configurationBuilder.Properties<IReadOnlyList<string>>().HaveConversion<JsonListConverter, JsonListComparer>();
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        foreach (var part in _model.Parts)
        {
            part.Map(modelBuilder);
        }

        foreach (var entity in modelBuilder.Model.GetEntityTypes().Where(e => !e.IsOwned()).ToList())
        {
            foreach (var property in entity.GetProperties())
            {
                property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            }

            if (TenantFilter(entity.ClrType) is { } filter)
            {
                modelBuilder.Entity(entity.ClrType).HasQueryFilter("tenant", filter);
            }
            else if (entity.ClrType.GetCustomAttribute<InstallationOwnedAttribute>() is null)
            {
                // Without an owner it would have no filter, and every tenant would see every row.
                throw new InvalidOperationException(
                    $"{entity.ClrType.Name} names no owner. Let it be IWorkspaceOwned, IOrganizationOwned or IShared, or say with InstallationOwned why not.");
            }
        }
    }

    /// <summary>The filter for a type's way of being owned; null for what belongs to the installation.</summary>
    private LambdaExpression? TenantFilter(Type type)
    {
        var row = Expression.Parameter(type, "row");
        var context = Expression.Constant(this);
        Expression system = Expression.Property(context, nameof(IsSystem));
        Expression organization = Expression.Property(context, nameof(FilterOrganization));
        Expression workspace = Expression.Property(context, nameof(FilterWorkspace));
        Expression? owned = null;
        if (typeof(IWorkspaceOwned).IsAssignableFrom(type))
        {
            owned = Expression.Equal(Expression.Property(row, nameof(IWorkspaceOwned.WorkspaceId)), workspace);
        }
        else if (typeof(IOrganizationOwned).IsAssignableFrom(type))
        {
            owned = Expression.Equal(Expression.Property(row, nameof(IOrganizationOwned.OrganizationId)), organization);
        }
        else if (typeof(IShared).IsAssignableFrom(type))
        {
            var rowWorkspace = Expression.Property(row, nameof(IShared.WorkspaceId));
            owned = Expression.AndAlso(
                Expression.Equal(Expression.Property(row, nameof(IShared.OrganizationId)), organization),
                Expression.OrElse(
                    Expression.Equal(rowWorkspace, Expression.Constant(null, typeof(string))), Expression.Equal(rowWorkspace, workspace)));
        }

        return owned is null ? null : Expression.Lambda(Expression.OrElse(system, owned), row);
    }

    public override int SaveChanges(bool acceptAllChangesOnSuccess)
    {
        CheckOwnership();
        return base.SaveChanges(acceptAllChangesOnSuccess);
    }

    public override Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        CheckOwnership();
        return base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken);
    }

    /// <summary>No row of another tenant is ever written, whatever the slice did.</summary>
    private void CheckOwnership()
    {
        if (IsSystem)
        {
            return;
        }

        foreach (var entry in ChangeTracker.Entries())
        {
            var foreign = entry.State is EntityState.Added or EntityState.Modified or EntityState.Deleted && entry.Entity switch
            {
                IWorkspaceOwned row => row.WorkspaceId != Tenant.WorkspaceId,
                IOrganizationOwned row => row.OrganizationId != Tenant.OrganizationId,
                IShared row => row.OrganizationId != Tenant.OrganizationId || (row.WorkspaceId is not null && row.WorkspaceId != Tenant.WorkspaceId),
                _ => true,
            };
            if (foreign)
            {
                throw new InvalidOperationException($"A {entry.Metadata.ClrType.Name} of another tenant was about to be written.");
            }
        }
    }

    private sealed class MillisecondsConverter() : ValueConverter<DateTimeOffset, long>(
        time => time.ToUnixTimeMilliseconds(), stored => DateTimeOffset.FromUnixTimeMilliseconds(stored));

    private sealed class NanoUsdConverter() : ValueConverter<NanoUsd, long>(amount => amount.Value, stored => new NanoUsd(stored));

    private sealed class JsonListConverter() : ValueConverter<IReadOnlyList<string>, string>(
        list => JsonSerializer.Serialize(list, (JsonSerializerOptions?)null),
        stored => JsonSerializer.Deserialize<string[]>(stored, (JsonSerializerOptions?)null)!);

    private sealed class JsonListComparer() : ValueComparer<IReadOnlyList<string>>(
        (a, b) => a == b || (a != null && b != null && a.SequenceEqual(b)),
        list => list.Aggregate(0, HashCode.Combine),
        list => list);
}

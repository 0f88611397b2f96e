using Crew.Kernel;
using Microsoft.EntityFrameworkCore;

namespace Crew.Storage.Spec;

internal sealed class Note : IWorkspaceOwned
{
    public required string Id { get; init; }

    public required string WorkspaceId { get; init; }

    public required string Text { get; set; }

    public long Version { get; set; } = 1;
}

internal sealed class SharedThing : IShared
{
    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public string? WorkspaceId { get; init; }
}

internal sealed class SpecRow(string id, long? number = null, byte[]? bytes = null, Tenant? tenant = null) : AppendRow
{
    public static readonly AppendTable Rows = new("spec_rows",
        new("id", ColumnKind.Text), new("organization_id", ColumnKind.Text), new("workspace_id", ColumnKind.Text), new("number", ColumnKind.Integer), new("bytes", ColumnKind.Blob));

    public static readonly CounterTable Sums = new("spec_sums", "id", "amount");

    public override AppendTable Table => Rows;

    public override void Write(IRowWriter writer)
    {
        writer.Text(id);
        writer.Text(tenant?.OrganizationId);
        writer.Text(tenant?.WorkspaceId);
        writer.Integer(number);
        writer.Blob(bytes);
    }
}

internal sealed class SpecPart : StoragePart
{
    public override string Name => "spec";

    public override void Map(ModelBuilder model)
    {
        model.Entity<Note>(note =>
        {
            note.ToTable("spec_notes");
            note.HasKey(n => n.Id);
            note.Property(n => n.Version).IsConcurrencyToken();
        });
        model.Entity<SharedThing>(thing =>
        {
            thing.ToTable("spec_shared");
            thing.HasKey(t => t.Id);
        });
    }
}

/// <summary>Writes each event as a row, so that a test sees what committed.</summary>
internal sealed class SpecSink : IEventSink
{
    public void Write(Db db, Origin origin, IReadOnlyList<Event> events)
    {
        foreach (var happened in events)
        {
            db.Append(new SpecRow($"{happened.Type}:{happened.Resource?.Id}", tenant: db.CurrentTenant));
        }
    }
}

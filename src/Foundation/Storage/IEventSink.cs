using Crew.Kernel;

namespace Crew.Storage;

/// <summary>Hears every event of a transaction and writes its own rows into that same transaction (audit log, webhooks outbox).</summary>
public interface IEventSink
{
    /// <summary>Adds rows by <see cref="Db.Append"/>; runs just before the commit.</summary>
    void Write(Db db, Origin origin, IReadOnlyList<Event> events);
}

using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Storage;

namespace Crew.Audit;

/// <summary>
/// Turns events into rows of the log: those of a transaction, inside it, and the uses of credentials and refusals outside of any.
/// Every request passes here, so a row is built in a few microseconds and nothing waits.
/// </summary>
internal sealed class AuditTrail(PersonalSeal seal, TimeProvider clock) : IAccessTrail, IEventSink
{
    private const int MaximumUserAgentCharacters = 256;

    public AppendRow Row(Tenant? tenant, Origin origin, Event happened, int? status = null) => Build(tenant, origin, happened, status);

    /// <summary>Runs inside the transaction of the change: rows and change commit together.</summary>
    public void Write(Db db, Origin origin, IReadOnlyList<Event> events)
    {
        for (var index = 0; index < events.Count; index++)
        {
            if (events[index].Log == EventLog.Installation && db.CurrentTenant is not null)
            {
                throw new InvalidOperationException($"{events[index].Type} belongs to the installation's log, which no tenant's transaction reaches.");
            }

            db.Append(Build(db.CurrentTenant ?? events[index].Tenant, origin, events[index], null));
        }
    }

    internal AuditRow Build(Tenant? tenant, Origin origin, Event happened, int? status)
    {
        var now = clock.GetUtcNow();
        var (organizationId, workspaceId) = LogOf(tenant, happened);
        var actor = origin.Actor;
        var record = new RecordFields
        {
            Id = Id.New(IdPrefix.AuditRecord, now),
            At = now.ToUnixTimeMilliseconds(),
            OrganizationId = organizationId,
            WorkspaceId = workspaceId,
            EventType = happened.Type,
            Outcome = happened.Outcome,
            Reason = CleanText.Of(happened.Reason),
            ActorType = actor.Type,
            ActorId = CleanText.Of(actor.Id)!,
            ActorLast4 = CleanText.Of(actor.KeyLast4),
            ResourceType = happened.Resource?.Type,
            ResourceId = CleanText.Of(happened.Resource?.Id),
            ResourceName = CleanText.Of(happened.Resource?.Name),
            CrewId = happened.CrewId,
            RequestId = origin.RequestId,
            Status = status,
            KeyId = CleanText.Of(actor.KeyId),
            Changes = ChangesText.Of(happened.Changes),
        };
        seal.Apply(record, happened.WithoutPlace
            ? new Personal(CleanText.Of(actor.Email), null, null)
            : new Personal(CleanText.Of(actor.Email), CleanText.Of(origin.IpAddress), CleanText.Of(origin.UserAgent, MaximumUserAgentCharacters)));
        return new AuditRow(record);
    }

    private static (string? OrganizationId, string? WorkspaceId) LogOf(Tenant? tenant, Event happened) => happened.Log switch
    {
        EventLog.Installation => (null, null),
        EventLog.Organization => (tenant?.OrganizationId ?? throw NoLog(happened), null),
        EventLog.Workspace => (tenant?.OrganizationId, tenant?.WorkspaceId ?? throw NoLog(happened)),
        _ => (tenant?.OrganizationId, tenant?.WorkspaceId),
    };

    private static InvalidOperationException NoLog(Event happened) => new($"{happened.Type} names the log of a {happened.Log}, and there is none here.");
}

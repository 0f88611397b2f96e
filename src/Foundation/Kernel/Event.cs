namespace Crew.Kernel;

/// <summary>Who did something: a key, a person, a token, the command line or the system.</summary>
public sealed record Actor(string Type, string Id)
{
    /// <summary>E-mail of a person; kept sealed, never in clear.</summary>
    public string? Email { get; init; }

    /// <summary>The API key behind it: itself, or the one that minted it.</summary>
    public string? KeyId { get => field ?? (Type == "api_key" ? Id : null); init; }

    /// <summary>Last four characters of an API key.</summary>
    public string? KeyLast4 { get; init; }

    public static readonly Actor System = new("system", "system");
}

/// <summary>What an event is about.</summary>
public sealed record Resource(string Type, string Id, string? Name = null);

/// <summary>One changed field. Secrets never appear; long texts appear as hash and length.</summary>
public sealed record FieldChange(string Field, object? From, object? To);

/// <summary>
/// Something that happened, named by the event catalogue. A slice adds it to its transaction; Audit appends it to the log,
/// Webhooks fans it out, both in that same transaction.
/// </summary>
public sealed record Event(string Type, Resource? Resource = null)
{
    /// <summary><c>success</c>, <c>failure</c> or <c>denied</c>.</summary>
    public string Outcome { get; init; } = "success";

    /// <summary>A short machine word saying why, such as a fault code; never free text of a caller.</summary>
    public string? Reason { get; init; }

    public string? CrewId { get; init; }

    public IReadOnlyList<FieldChange> Changes { get; init; } = [];

    /// <summary>Whose log takes it when the transaction itself has no tenant (system jobs).</summary>
    public Tenant? Tenant { get; init; }

    /// <summary>The workspace keeps no places (zero-logging): the record is written without IP address and user agent.</summary>
    public bool WithoutPlace { get; init; }

    /// <summary>Which log takes it; null picks the workspace's when the transaction has one, else the organization's.</summary>
    public EventLog? Log { get; init; }
}

/// <summary>The logs an event can go to.</summary>
public enum EventLog
{
    Workspace,
    Organization,
    Installation,
}

/// <summary>On whose behalf and from where a transaction runs. Travels with it, so that every event knows its author.</summary>
public sealed class Origin(Actor actor, string? ipAddress, string? userAgent, string? requestId)
{
    private Event? _access;

    public Actor Actor { get; } = actor;

    public string? IpAddress { get; } = ipAddress;

    public string? UserAgent { get; } = userAgent;

    public string? RequestId { get; } = requestId;

    /// <summary>Fires when the credential behind it is revoked: then a transaction that has not committed yet does not.</summary>
    public CancellationToken Revoked { get; init; }

    /// <summary>The kept Idempotency-Key of the request; its entry is marked done in the transaction of the change.</summary>
    public string? IdempotencyId { get; set; }

    /// <summary>
    /// The record of the credential's use that still has to be made durable. The first transaction of the request takes it
    /// along; when none does, the reply appends it by itself before its first byte.
    /// </summary>
    public void Owe(Event access) => _access = access;

    public Event? TakeAccess() => Interlocked.Exchange(ref _access, null);

    public static Origin System { get; } = new(Actor.System, null, null, null);
}

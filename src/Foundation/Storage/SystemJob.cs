namespace Crew.Storage;

/// <summary>
/// The complete list of work that crosses tenants. Nothing else runs without a tenant: the list is what a reviewer reads.
/// </summary>
public sealed class SystemJob
{
    /// <summary>First organization, workspace, crews and keys; further organizations from the command line.</summary>
    public static readonly SystemJob Provision = new("provision");

    /// <summary>Key look-up before the tenant is known.</summary>
    public static readonly SystemJob KeyLookup = new("key look-up", isFollower: true);

    /// <summary>People, their memberships, accounts and sessions, before a tenant is known or beyond one.</summary>
    public static readonly SystemJob People = new("people");

    /// <summary>Token families, before their tenant is known.</summary>
    public static readonly SystemJob TokenLookup = new("token look-up");

    /// <summary>Makes and reads the keys that sign tokens.</summary>
    public static readonly SystemJob SigningKeys = new("signing keys");

    /// <summary>Loads limits, settings, models and budgets that the hot path keeps in memory.</summary>
    public static readonly SystemJob HotState = new("hot state", isFollower: true);

    /// <summary>Reads and writes the wrapped keys of the key hierarchy.</summary>
    public static readonly SystemJob KeyHierarchy = new("key hierarchy", isFollower: true);

    /// <summary>Gives audit records their sequence and leaf.</summary>
    public static readonly SystemJob AuditSequence = new("audit sequence");

    /// <summary>Writes to the installation's own log.</summary>
    public static readonly SystemJob InstallationLog = new("installation log");

    /// <summary>Leases and settles budget capacity.</summary>
    public static readonly SystemJob SpendLeases = new("spend leases", isBrief: true);

    /// <summary>Registers the start of a process that leases budget capacity. A cold start may take its time, and no request waits for it.</summary>
    public static readonly SystemJob SpendEpochs = new("spend epochs");

    /// <summary>Coalesced per-key marks: last use and daily counts.</summary>
    public static readonly SystemJob KeyMarks = new("key marks", isBrief: true);

    /// <summary>Revokes keys that were reported as leaked, whosever they are.</summary>
    public static readonly SystemJob LeakReports = new("leak reports");

    /// <summary>Ends every credential of one workspace in one transaction: keys and tokens of the tenant, and sessions, which belong to people.</summary>
    public static readonly SystemJob Lockdown = new("lockdown");

    /// <summary>Reads the logs of all workspaces for what somebody should look at, and writes alerts into them.</summary>
    public static readonly SystemJob Alerts = new("alerts");

    /// <summary>Opens access reviews in all workspaces, reminds of them and closes them.</summary>
    public static readonly SystemJob AccessReviews = new("access reviews");

    /// <summary>Hands out portions of rate limits to the nodes.</summary>
    public static readonly SystemJob RateLimits = new("rate limits", isBrief: true);

    /// <summary>Commands that the operator runs on the machine itself.</summary>
    public static readonly SystemJob OperatorCommand = new("operator command");

    /// <summary>Hands events over to the endpoints that wait for them.</summary>
    public static readonly SystemJob Deliveries = new("deliveries");

    /// <summary>Removes what has passed its retention.</summary>
    public static readonly SystemJob Expiry = new("expiry");

    /// <summary>Decides which node does the work that one node does at a time.</summary>
    public static readonly SystemJob Election = new("election", isBrief: true);

    /// <summary>Looks at a copy that is being taken in, before it becomes real.</summary>
    public static readonly SystemJob Transfer = new("transfer");

    private SystemJob(string name, bool isBrief = false, bool isFollower = false) => (Name, IsBrief, IsFollower) = (name, isBrief, isFollower);

    public string Name { get; }

    /// <summary>
    /// Whether its changes are short and hold rows that every node needs, so that PostgreSQL ends one whose node stands still before the
    /// others have to refuse requests. It is made again when that process goes on.
    /// </summary>
    public bool IsBrief { get; }

    /// <summary>
    /// Whether followers of the change feed read by it. They have connections of their own: a change answers only when every node has
    /// followed it, so that nothing else may keep them waiting.
    /// </summary>
    public bool IsFollower { get; }

    public override string ToString() => Name;
}

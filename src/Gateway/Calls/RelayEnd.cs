namespace Crew.Gateway.Calls;

/// <summary>How the reading of an answer ended.</summary>
internal enum RelayEnd
{
    Complete,
    Broken,
    TimedOut,
    ClientGone,
    Revoked,

    /// <summary>No more output is paid for.</summary>
    CapReached,
}

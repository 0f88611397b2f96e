namespace Crew.Gateway.Calls;

/// <summary>How the reading of an answer ended.</summary>
internal enum RelayEnd
{
    Complete,
    Broken,
    TimedOut,
    ClientGone,
    Revoked,

    /// <summary>The server stops and cannot wait any longer.</summary>
    Stopping,

    /// <summary>The server has been without its database for too long to know whether the key still holds.</summary>
    CutOff,

    /// <summary>No more output is paid for.</summary>
    CapReached,
}

using System.Net;
using Crew.Kernel;

namespace Crew.Http;

/// <summary>The IP allowlists of a workspace and of a credential; an empty list is everywhere.</summary>
public static class AllowedNetworks
{
    /// <summary>Whether an address is on the list of the workspace, and on each of those that bound the credential.</summary>
    public static bool Hold(WorkspaceView workspace, Caller caller, IPAddress address)
    {
        if (!IsOn(workspace.AllowedNetworks, address))
        {
            return false;
        }

        foreach (var list in caller.AllowedNetworks)
        {
            if (!IsOn(list, address))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsOn(IReadOnlyList<IPNetwork> list, IPAddress address) => list.Count == 0 || Networks.Contains(list, address);
}

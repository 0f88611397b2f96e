using Crew.Http;
using Crew.Kernel;

namespace Crew.Keys;

/// <summary>Which kind of key a request asks for, and whether this caller may make it. Pure.</summary>
internal static class NewKeyKind
{
    public static Outcome<KeyKind> Of(CreateKey.Request request, KeyDraft draft, Call call)
    {
        var mayMakeAny = call.May(KeyAccess.Write);
        if (request.Kind is "master")
        {
            return Master(request, call);
        }

        if (request.Kind is not (null or "service" or "user"))
        {
            return Faults.Invalid("kind", "kind must be service, user or master.");
        }

        if (draft.Permissions.Contains("*"))
        {
            return KeyFaults.MasterOnlyByOwner;
        }

        if (request.Account == true)
        {
            return Faults.Invalid("account", "Only a key of the kind master can carry the organization's permissions.");
        }

        if (request.Kind is "user" || (request.Kind is null && !mayMakeAny))
        {
            // An outsider whom a token stands for is nobody's member, and a token ends with its key, which what it made would not.
            return call.Caller is { Kind: KeyKind.User, UserId: not null, Actor.Type: "user" or "api_key" } ? KeyKind.User : KeyFaults.OnlyByThemselves;
        }

        return mayMakeAny ? KeyKind.Service : Faults.InsufficientPermissions(KeyAccess.Write.ToString());
    }

    /// <summary>Below a key that follows a person stand only keys that follow the same person: a child never exceeds its parent.</summary>
    public static Fault? Below(ApiKey? parent, KeyKind kind, string? personId)
    {
        if (kind == KeyKind.Master && parent is not null)
        {
            return Faults.Invalid("parent_id", "A master key stands below no other key.");
        }

        return parent?.Kind == KeyKind.User && parent.UserId != personId
            ? Faults.Invalid("parent_id", "Below a key that follows a person stand only keys of the kind user of that same person.")
            : null;
    }

    private static Outcome<KeyKind> Master(CreateKey.Request request, Call call)
    {
        if (!call.Caller.IsOwnerInPerson)
        {
            return KeyFaults.MasterOnlyByOwner;
        }

        if (request.Permissions is not ["*"] || request.Mode is null)
        {
            return Faults.Invalid("permissions", "A master key has the one permission *, and a mode. Make a service key for less.");
        }

        return request.Account == true && !call.Caller.IsAccount ? Faults.InsufficientPermissions("org_owner") : KeyKind.Master;
    }
}

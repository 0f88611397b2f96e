namespace Crew.Kernel;

/// <summary>The prefixes of all ids, one per kind of thing.</summary>
public static class IdPrefix
{
    public const string Organization = "org_";
    public const string Workspace = "ws_";
    public const string Crew = "crew_";
    public const string User = "user_";
    public const string Membership = "mem_";
    public const string Session = "sess_";
    public const string Invitation = "inv_";
    public const string Letter = "letter_";
    public const string Passkey = "passkey_";
    public const string ApiKey = "key_";
    public const string TokenFamily = "tok_";
    public const string Provider = "prov_";
    public const string Budget = "bud_";
    public const string Request = "req_";
    public const string AuditRecord = "log_";
    public const string Export = "exp_";
    public const string Alert = "alert_";
    public const string Review = "rev_";
    public const string Webhook = "wh_";
    public const string Event = "evt_";
    public const string Delivery = "del_";
    public const string InboundHook = "hook_";
}

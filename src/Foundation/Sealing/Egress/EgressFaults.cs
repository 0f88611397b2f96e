using System.Globalization;
using Crew.Kernel;

namespace Crew.Sealing.Egress;

/// <summary>The refusals and failures of outbound calls.</summary>
public static class EgressFaults
{
    public static readonly Fault Failed = new("egress_failed", 502,
        "The other side could not be reached: its name does not resolve, it refuses connections, its certificate is not valid, "
        + "or it does not speak HTTP. Check the address and that server.");

    public static readonly Fault TimedOut = new("egress_timeout", 504,
        "The other side did not answer in time. Check that server, or raise the timeout where there is one.");

    public static Fault ProxyRefused(int status) => new Fault("egress_proxy_refused", 502,
        "The outbound proxy of this server did not open the way to that address. Ask the operator: the proxy may want credentials, may not "
        + "allow that address, or may want names instead of addresses (CREW_EGRESS_PROXY_TARGET=name).").With("proxy_status", status);

    public static Fault Refused(EgressRefusal refusal) => new Fault("egress_refused", 400, refusal.Reason switch
    {
        EgressRefusalReason.SchemeNotAllowed => "Only https URLs can be called. Give a full URL that begins with https://.",
        EgressRefusalReason.CredentialsInUrl =>
            "The URL holds a user name or password. Give credentials in their own field, not in the URL.",
        EgressRefusalReason.ForeignHostHeader => "The Host header is not the URL's host. Leave it out.",
        EgressRefusalReason.PlainHttp =>
            $"{refusal.Host} can be called by https only. An operator can allow http with CREW_EGRESS_ALLOW="
            + $"{refusal.Purpose.ToName()}@{refusal.Host}:{refusal.Port.ToString(CultureInfo.InvariantCulture)}.",
        _ => $"{refusal.Host} is not on the public internet, so it is not called. An operator can allow hosts in a private network with "
            + "CREW_EGRESS_ALLOW; metadata and reserved addresses are never called.",
    }).With("host", refusal.Host);

    public static Fault ListMalformed(int entry, string problem) => new Fault("egress_allow_malformed", 500,
        $"Entry {entry} of CREW_EGRESS_ALLOW cannot be read: {problem}. Example: webhook@hooks.internal:8443,provider@10.0.0.5:8000")
        .With("entry", entry);
}

using Crew.Kernel;

namespace Crew.Sealing.Egress;

/// <summary>What a refused call offended against.</summary>
public enum EgressRefusalReason
{
    /// <summary>Neither https nor http, or no host.</summary>
    SchemeNotAllowed,

    /// <summary>User name or password in the URL.</summary>
    CredentialsInUrl,

    /// <summary>A Host header that is not the URL's host.</summary>
    ForeignHostHeader,

    /// <summary>http to a host that the allow list does not name for this purpose.</summary>
    PlainHttp,

    /// <summary>The name resolves only to addresses that may not be dialled.</summary>
    AddressNotAllowed,
}

/// <summary>A call that was not made. Holds host and port, never path, query or credentials of the URL.</summary>
public sealed record EgressRefusal(
    EgressRefusalReason Reason, EgressPurpose Purpose, string Host, int Port, AddressClass? Address = null)
{
    /// <summary>
    /// The refusal as <c>egress_refused</c>. It does not say which address the name has, only of what kind, so that tenants learn
    /// nothing of the operator's network.
    /// </summary>
    public Fault ToFault() => EgressFaults.Refused(this);

    public override string ToString() => $"egress refused: {Reason}, {Purpose.ToName()}@{Host}:{Port}";
}

/// <summary>How a refusal leaves an <see cref="HttpMessageInvoker"/>. Its message has no more than the refusal's text.</summary>
public sealed class EgressRefusedException : HttpRequestException
{
    public EgressRefusedException(EgressRefusal refusal)
        : base(refusal.ToString()) => Refusal = refusal;

    public EgressRefusal Refusal { get; }
}

using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing.Egress;

namespace Crew.Gateway.Providers;

/// <summary>A client certificate as it may be given: PEM texts, the certificate first, then those behind it.</summary>
internal sealed record NewClientCertificate(string? Certificate, SecretText? PrivateKey)
{
    /// <summary>The pair, read and found to belong together.</summary>
    public Outcome<ClientIdentity> Parse(string kind) =>
        kind == Provider.Sandbox
            ? Faults.Invalid("client_certificate", "A sandbox provider has no connection that could show a certificate.")
            : Certificate is null || PrivateKey is null
                ? Faults.Invalid("client_certificate", "client_certificate takes certificate and private_key, both PEM texts.")
                : ClientIdentity.Parse(Certificate, PrivateKey);

    /// <summary>The texts in one, to be sealed.</summary>
    public string ToSealedText() => JsonSerializer.Serialize(new[] { Certificate, PrivateKey!.Reveal() });

    /// <summary>Reads what <see cref="ToSealedText"/> wrote; null for texts that are no pair.</summary>
    public static ClientIdentity? Open(string text) =>
        JsonSerializer.Deserialize<string[]>(text) is [var certificate, var key] && ClientIdentity.Parse(certificate, new SecretText(key)) is { Fault: null } read
            ? read.Value
            : null;

    /// <summary>The field of a change: given, or null for "no longer".</summary>
    public static Outcome<NewClientCertificate?> Read(JsonElement given)
    {
        try
        {
            return given.Deserialize<NewClientCertificate>(ApiJson.Options);
        }
        catch (JsonException)
        {
            return Faults.Invalid("client_certificate", "client_certificate must be an object of certificate and private_key, both PEM texts, or null.");
        }
    }
}

/// <summary>What is shown of a client certificate; never its key.</summary>
internal sealed record ClientCertificate(string Subject, DateTimeOffset NotAfter, string Sha256)
{
    public static ClientCertificate Of(ClientIdentity identity) => new(identity.Subject, identity.NotAfter, identity.Thumbprint);
}

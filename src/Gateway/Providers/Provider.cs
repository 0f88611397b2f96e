using System.Text.Json;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Sealing.Egress;
using Crew.Storage;
using Microsoft.EntityFrameworkCore;

namespace Crew.Gateway.Providers;

/// <summary>How long a provider may take.</summary>
internal sealed record ProviderTimeouts
{
    public int ConnectSeconds { get; init; } = 10;

    /// <summary>From the request to the headers of the answer; for answers in one piece that is the whole generation.</summary>
    public int FirstByteSeconds { get; init; } = 600;

    /// <summary>Silence between two reads of an answer.</summary>
    public int IdleSeconds { get; init; } = 120;

    public int TotalSeconds { get; init; } = 1_800;

    public Fault? Check()
    {
        foreach (var (name, value, most) in new[]
        {
            ("connect_seconds", ConnectSeconds, 120), ("first_byte_seconds", FirstByteSeconds, 3_600),
            ("idle_seconds", IdleSeconds, 3_600), ("total_seconds", TotalSeconds, 7_200),
        })
        {
            if (value < 1 || value > most)
            {
                return Faults.Invalid($"timeouts.{name}", $"{name} must be from 1 to {most}.");
            }
        }

        return null;
    }
}

/// <summary>What the owner says about the provider's handling of data. The region decides which allowlists of regions let it be called; the rest is shown.</summary>
internal sealed record DataPolicy(string? Url, string? Region, int? RetentionDays, bool? Trains, bool? ZeroRetention);

/// <summary>Where models are called, and with which credential. Owned by a workspace, or by the organization when that is null.</summary>
internal sealed class Provider : IShared
{
    public const string OpenAi = "openai";
    public const string Azure = "azure_openai";
    public const string Anthropic = "anthropic";
    public const string Sandbox = "sandbox";

    public required string Id { get; init; }

    public required string OrganizationId { get; init; }

    public string? WorkspaceId { get; init; }

    public required string Name { get; set; }

    public required string Kind { get; init; }

    /// <summary>What a client of the provider's dialect takes as its base URL, without a slash at the end.</summary>
    public required string BaseUrl { get; set; }

    /// <summary>For <see cref="Azure"/>: the version that every call names.</summary>
    public string? ApiVersion { get; set; }

    /// <summary>The endpoints that it has, such as <c>chat/completions</c>; null is all that its kind can have.</summary>
    public IReadOnlyList<string>? Endpoints { get; set; }

    /// <summary>The credential, or where the operator keeps it (<c>env:NAME</c>, <c>file:PATH</c>).</summary>
    public byte[]? CredentialSealed { get; set; }

    public string? KeyLast4 { get; set; }

    /// <summary>Certificate and private key that are shown to a server that asks for a client certificate; sealed.</summary>
    public byte[]? ClientCertificateSealed { get; set; }

    /// <summary><see cref="Providers.ClientCertificate"/> as JSON: what may be shown of it.</summary>
    public string? ClientCertificate { get; set; }

    /// <summary>For an organization's provider: workspaces that may use it; null is all.</summary>
    public IReadOnlyList<string>? SharedWith { get; set; }

    /// <summary><see cref="ProviderTimeouts"/> as JSON.</summary>
    public required string Timeouts { get; set; }

    public bool CancelStopsBilling { get; set; }

    /// <summary>How many output tokens it may bill beyond those that it had streamed when it was told to stop; null is unknown.</summary>
    public int? CancelMarginTokens { get; set; }

    /// <summary>Its names of models that it has billed beyond their output cap; null is none. A change of the record forgets them.</summary>
    public IReadOnlyList<string>? BrokenCaps { get; set; }

    /// <summary><see cref="Providers.DataPolicy"/> as JSON.</summary>
    public string? DataPolicy { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public long Version { get; set; } = 1;

    public string OwnerId => WorkspaceId ?? OrganizationId;

    public bool IsReady => Kind == Sandbox || CredentialSealed is not null;

    public bool IsSharedWith(string workspaceId) => WorkspaceId is not null || SharedWith is null || SharedWith.Contains(workspaceId);

    public ProviderTimeouts ReadTimeouts() => JsonSerializer.Deserialize<ProviderTimeouts>(Timeouts, ApiJson.Options)!;

    public void Seal(KeyRing ring, SecretText credential)
    {
        var text = credential.Reveal();
        CredentialSealed = ring.Seal(Scope, OwnerId, CellOf("credential_sealed"), text);
        KeyLast4 = CredentialSource.IsReference(text) ? text : credential.Last4;
    }

    /// <summary>The credential as it was given; null where there is none or its key is gone.</summary>
    public SecretText? Open(KeyRing ring) =>
        CredentialSealed is { } envelope && ring.TryOpenText(Scope, OwnerId, CellOf("credential_sealed"), envelope, out var text)
            ? new SecretText(text) : null;

    /// <summary>Keeps a client certificate; null forgets the one there was.</summary>
    public void Seal(KeyRing ring, NewClientCertificate? given, ClientIdentity? identity)
    {
        ClientCertificateSealed = given is null ? null : ring.Seal(Scope, OwnerId, CellOf("client_certificate_sealed"), given.ToSealedText());
        ClientCertificate = identity is null ? null : JsonSerializer.Serialize(Providers.ClientCertificate.Of(identity), ApiJson.Options);
    }

    /// <summary>The client certificate; null where there is none or its key is gone.</summary>
    public ClientIdentity? OpenIdentity(KeyRing ring) =>
        ClientCertificateSealed is { } envelope && ring.TryOpenText(Scope, OwnerId, CellOf("client_certificate_sealed"), envelope, out var text)
            ? NewClientCertificate.Open(text) : null;

    public DataPolicy? ReadDataPolicy() =>
        DataPolicy is { } policy ? JsonSerializer.Deserialize<DataPolicy>(policy, ApiJson.Options) : null;

    public ClientCertificate? ReadClientCertificate() =>
        ClientCertificate is { } shown ? JsonSerializer.Deserialize<ClientCertificate>(shown, ApiJson.Options) : null;

    public static void Map(ModelBuilder model) => model.Entity<Provider>(provider =>
    {
        provider.ToTable("gateway_providers");
        provider.HasKey(p => p.Id);
        provider.Ignore(p => p.OwnerId);
        provider.Ignore(p => p.IsReady);
        provider.Property(p => p.Version).IsConcurrencyToken();
        provider.HasIndex(p => new { p.OrganizationId, p.WorkspaceId, p.Id }).HasDatabaseName("gateway_providers_owner");
    });

    private KeyScope Scope => WorkspaceId is null ? KeyScope.Organization : KeyScope.Workspace;

    private Cell CellOf(string column) => new(OwnerId, "gateway_providers", column, Id);
}

using Crew.Kernel;
using Crew.Storage;

namespace Crew.Spend.Contracts;

/// <summary>How sure the numbers of a row are.</summary>
public enum Provenance
{
    /// <summary>The provider said so.</summary>
    Exact,

    /// <summary>Counted here, because the provider was silent.</summary>
    Estimated,

    /// <summary>At least this much: what was delivered before the stream was cut.</summary>
    Floor,

    /// <summary>Nobody knows; the whole hold counts.</summary>
    Lost,
}

/// <summary>
/// One physical call of a provider: a row of the ledger. Counts and money only; no word of what was said.
/// </summary>
public sealed class Attempt : AppendRow
{
    /// <summary>The ledger. Rows are kept as long as the workspace keeps requests.</summary>
    public static readonly AppendTable Ledger = new("spend_attempts",
        new("at", ColumnKind.Integer), new("organization_id", ColumnKind.Text), new("workspace_id", ColumnKind.Text),
        new("crew_id", ColumnKind.Text), new("key_id", ColumnKind.Text), new("lineage_id", ColumnKind.Text), new("user_id", ColumnKind.Text),
        new("request_id", ColumnKind.Text), new("attempt", ColumnKind.Integer), new("model", ColumnKind.Text), new("provider_id", ColumnKind.Text),
        new("endpoint", ColumnKind.Text), new("stream", ColumnKind.Integer), new("test", ColumnKind.Integer),
        new("input_tokens", ColumnKind.Integer), new("cache_read_tokens", ColumnKind.Integer), new("cache_write_tokens", ColumnKind.Integer),
        new("output_tokens", ColumnKind.Integer), new("reasoning_tokens", ColumnKind.Integer), new("cost_nano", ColumnKind.Integer),
        new("provenance", ColumnKind.Text), new("status", ColumnKind.Integer), new("outcome", ColumnKind.Text),
        new("first_byte_ms", ColumnKind.Integer), new("total_ms", ColumnKind.Integer), new("lease_ids", ColumnKind.Text),
        new("client_sealed", ColumnKind.Blob), new("ip_hash", ColumnKind.Blob),
        new("audio_input_tokens", ColumnKind.Integer), new("audio_output_tokens", ColumnKind.Integer), new("image_input_tokens", ColumnKind.Integer),
        new("image_output_tokens", ColumnKind.Integer), new("images", ColumnKind.Integer), new("audio_seconds", ColumnKind.Integer), new("characters", ColumnKind.Integer));

    /// <summary>When the attempt was admitted.</summary>
    public required DateTimeOffset At { get; init; }

    public required string OrganizationId { get; init; }

    public required string WorkspaceId { get; init; }

    public string? CrewId { get; init; }

    public string? KeyId { get; init; }

    public string? LineageId { get; init; }

    public string? UserId { get; init; }

    public required string RequestId { get; init; }

    /// <summary>1 for the first attempt of a request; retries and fallbacks count on.</summary>
    public required int Number { get; init; }

    /// <summary>The model's id in the catalogue; never a text of the caller.</summary>
    public required string Model { get; init; }

    public string? ProviderId { get; init; }

    /// <summary>The path called, such as <c>/v1/chat/completions</c>.</summary>
    public required string Endpoint { get; init; }

    public bool IsStream { get; init; }

    /// <summary>Made by a test key or a key bound to a crew that reaches no live provider.</summary>
    public bool IsTest { get; init; }

    public Tokens Tokens { get; init; }

    public NanoUsd Cost { get; init; }

    public required Provenance Provenance { get; init; }

    /// <summary>The HTTP status of the provider's answer, or of ours when it gave none.</summary>
    public required int Status { get; init; }

    /// <summary>A machine word: <c>success</c>, <c>upstream_error</c>, <c>client_closed</c> …</summary>
    public required string Outcome { get; init; }

    public int? FirstByteMilliseconds { get; init; }

    public int TotalMilliseconds { get; init; }

    /// <summary>IP address and user agent, from <see cref="ClientSeal"/>; null under zero-logging.</summary>
    public byte[]? SealedClient { get; init; }

    /// <summary>Keyed hash of the IP address, for look-up; null under zero-logging.</summary>
    public byte[]? IpHash { get; init; }

    /// <summary>What the cost counted against; set by <see cref="Hold.Settle"/>.</summary>
    internal string LeaseIds { get; set; } = "";

    public override AppendTable Table => Ledger;

    public override void Write(IRowWriter writer)
    {
        writer.Integer(At.ToUnixTimeMilliseconds());
        writer.Text(OrganizationId);
        writer.Text(WorkspaceId);
        writer.Text(CrewId);
        writer.Text(KeyId);
        writer.Text(LineageId);
        writer.Text(UserId);
        writer.Text(RequestId);
        writer.Integer(Number);
        writer.Text(Model);
        writer.Text(ProviderId);
        writer.Text(Endpoint);
        writer.Integer(IsStream ? 1 : 0);
        writer.Integer(IsTest ? 1 : 0);
        writer.Integer(Tokens.Input);
        writer.Integer(Tokens.CacheRead);
        writer.Integer(Tokens.CacheWrite);
        writer.Integer(Tokens.Output);
        writer.Integer(Tokens.Reasoning);
        writer.Integer(Cost.Value);
        writer.Text(NameOf(Provenance));
        writer.Integer(Status);
        writer.Text(Outcome);
        writer.Integer(FirstByteMilliseconds);
        writer.Integer(TotalMilliseconds);
        writer.Text(LeaseIds);
        writer.Blob(SealedClient);
        writer.Blob(IpHash);
        writer.Integer(Tokens.AudioInput);
        writer.Integer(Tokens.AudioOutput);
        writer.Integer(Tokens.ImageInput);
        writer.Integer(Tokens.ImageOutput);
        writer.Integer(Tokens.Images);
        writer.Integer(Tokens.Seconds);
        writer.Integer(Tokens.Characters);
    }

    private static string NameOf(Provenance provenance) => provenance switch
    {
        Provenance.Exact => "exact",
        Provenance.Estimated => "estimated",
        Provenance.Floor => "floor",
        _ => "lost",
    };
}

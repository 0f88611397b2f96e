using Crew.Kernel;
using Crew.Sealing;
using Crew.Spend.Contracts;

namespace Crew.Spend;

/// <summary>Tokens in disjoint classes.</summary>
internal sealed record TokensAnswer(
    long Input, long CacheRead, long CacheWrite, long Output, long Reasoning, long AudioInput, long AudioOutput, long ImageInput, long ImageOutput);

/// <summary>What some models are billed by instead of tokens.</summary>
internal sealed record UnitsAnswer(long Images, long AudioSeconds, long Characters);

/// <summary>One physical call of a provider as the API shows it.</summary>
internal sealed record AttemptAnswer(
    string RequestId, int Attempt, DateTimeOffset At, string? CrewId, string? KeyId, string? UserId, string Model, string? ProviderId,
    string Endpoint, bool Stream, bool Test, TokensAnswer Tokens, UnitsAnswer Units, NanoUsd CostUsd, string Provenance, int Status, string Outcome,
    int? FirstByteMs, int TotalMs, string? IpAddress, string? UserAgent)
{
    public static AttemptAnswer Of(AttemptRecord row, KeyRing ring)
    {
        var client = ClientTrace.Open(ring, row.WorkspaceId, row.IpHash, row.ClientSealed);
        return new AttemptAnswer(
            row.RequestId, row.Attempt, DateTimeOffset.FromUnixTimeMilliseconds(row.At), row.CrewId, row.KeyId, row.UserId, row.Model,
            row.ProviderId, row.Endpoint, row.Stream, row.Test,
            new TokensAnswer(row.InputTokens, row.CacheReadTokens, row.CacheWriteTokens, row.OutputTokens, row.ReasoningTokens,
                row.AudioInputTokens, row.AudioOutputTokens, row.ImageInputTokens, row.ImageOutputTokens),
            new UnitsAnswer(row.Images, row.AudioSeconds, row.Characters),
            new NanoUsd(row.CostNano), row.Provenance, row.Status, row.Outcome, row.FirstByteMs, row.TotalMs, client?.IpAddress, client?.UserAgent);
    }
}

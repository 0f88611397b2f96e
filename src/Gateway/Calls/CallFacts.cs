using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Spend.Contracts;

namespace Crew.Gateway.Calls;

/// <summary>What every row of a request says. It outlives the request, for answers that are read to their end after the client left.</summary>
internal sealed class CallFacts
{
    private readonly Caller _caller;
    private readonly Tenant _tenant;
    private readonly string _requestId;
    private readonly string? _crewId;
    private readonly string _endpoint;
    private readonly byte[]? _client;
    private readonly byte[]? _ipHash;

    public CallFacts(Call call, CallPlan plan, CallParts parts, UsageTicket ticket)
    {
        Ticket = ticket;
        (_caller, _tenant, _requestId, _crewId) = (call.Caller, call.Tenant, call.RequestId, call.CrewId);
        (ModelId, IsStream, IsTest, _endpoint) = (plan.Model.Id, plan.Request.Stream, plan.IsSandboxed, plan.Format.ClientPath);
        if (!call.IsZeroLogging && parts.Ring.Current(KeyScope.Workspace, call.Workspace.Id) is { } key)
        {
            (_client, _ipHash) = parts.Clients.Of(key, call.Workspace.Id, call.Address.ToString(), call.Origin.UserAgent);
        }
    }

    /// <summary>What the request counts against its limits.</summary>
    public UsageTicket Ticket { get; }

    public string ModelId { get; }

    public bool IsStream { get; }

    public bool IsTest { get; }

    public Attempt Row(PhysicalAttempt attempt, in Metered metered, int status, string outcome) => new()
    {
        At = attempt.At,
        OrganizationId = _tenant.OrganizationId,
        WorkspaceId = _tenant.WorkspaceId!,
        CrewId = _crewId,
        KeyId = _caller.Actor.KeyId,
        LineageId = _caller.LineageId.Length > 0 ? _caller.LineageId : null,
        UserId = _caller.UserId,
        RequestId = _requestId,
        Number = attempt.Number,
        Model = ModelId,
        ProviderId = attempt.Target.Provider.Id,
        Endpoint = _endpoint,
        IsStream = IsStream,
        IsTest = IsTest,
        Tokens = new Tokens(metered.Tokens.Input, metered.Tokens.CacheRead, metered.Tokens.CacheWrite, metered.Tokens.Output, metered.Tokens.Reasoning)
        {
            AudioInput = metered.Tokens.AudioInput,
            AudioOutput = metered.Tokens.AudioOutput,
            ImageInput = metered.Tokens.ImageInput,
            ImageOutput = metered.Tokens.ImageOutput,
            Images = metered.Tokens.Images,
            Seconds = metered.Tokens.Seconds,
            Characters = metered.Tokens.Characters,
        },
        Cost = metered.Cost,
        Provenance = metered.Provenance,
        Status = status,
        Outcome = outcome,
        FirstByteMilliseconds = attempt.FirstByteMilliseconds,
        TotalMilliseconds = attempt.ElapsedMilliseconds,
        SealedClient = _client,
        IpHash = _ipHash,
    };
}

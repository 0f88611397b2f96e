using Crew.Gateway.Catalogue;
using Crew.Gateway.Dialects;
using Crew.Gateway.Metering;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing;
using Crew.Spend.Contracts;
using Crew.Storage;
using Microsoft.AspNetCore.Http;

namespace Crew.Gateway.Calls;

/// <summary>The parts that every call needs.</summary>
internal sealed record CallParts(
    ModelCatalogue Catalogue, Ledger Ledger, Committer Committer, KeyRing Ring, ClientSeal Clients, DrainRoom Drains, CutOffWatch CutOffs, OwedSettlements Owed,
    Heartbeat Heartbeat, AnswerMemory Memory, Node Node, TimeProvider Clock)
{
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Makes the records of a request durable before its first byte, or says within two seconds that it cannot be served. What it owes a
    /// provider is not forgotten: the rows stay in the queue, and go to <see cref="OwedSettlements"/> if they are lost.
    /// </summary>
    /// <param name="isHopeless">The database is known not to answer.</param>
    public ValueTask<bool> FlushAsync(AppendWork work, bool isHopeless = false) =>
        Committer.AppendWithinAsync(work, isHopeless ? Brief : DatabaseWatch.Patience, Clock, Owed.Keep);
}

/// <summary>Every inference endpoint: read, scan, choose, and hand over to the exchange.</summary>
internal sealed class InferenceEndpoint(
    ModelCatalogue catalogue, Ledger ledger, Store store, KeyRing ring, ClientSeal clients, DrainRoom drains, CutOffWatch cutOffs, OwedSettlements owed,
    Heartbeat heartbeat, AnswerMemory memory, UsageLimits limits, TimeProvider clock)
{
    private CallParts? _parts;

    /// <summary>The store's committer is there once the store has started, which is before the first request.</summary>
    private CallParts Parts => _parts ??= new CallParts(
        catalogue, ledger, store.Committer, ring, clients, drains, cutOffs, owed, heartbeat, memory, store.Node, clock);

    public async Task HandleAsync(HttpContext http, WireFormat format)
    {
        var call = Call.Of(http);
        format.WriteLimits(http.Response.Headers, clock.GetUtcNow());
        using var body = new RequestBody();
        var fault = await body.ReadAsync(http.Request, format, call.Aborted);
        if (fault is null)
        {
            var plan = await PlanAsync(call, format, body);
            if (!plan.Failed(out fault) && (fault = plan.Value.Request.Stream || !memory.IsFull ? null : GatewayFaults.AnswersTooMany) is null)
            {
                var entered = await limits.EnterAsync(call, TokenCounts.FloorOf(plan.Value.Request.BodyBytes), plan.Value.Request.Stream);
                if (!entered.Failed(out fault))
                {
                    using var ticket = entered.Value;
                    if (ticket.TokenLimit is var (limit, remaining))
                    {
                        format.WriteTokenLimits(http.Response.Headers, limit, remaining, clock.GetUtcNow());
                    }

                    await new Exchange(Parts, call, plan.Value, body, ticket).RunAsync();
                    return;
                }
            }
        }

        await ErrorWriter.RefuseAsync(call, fault!);
    }

    private async ValueTask<Outcome<CallPlan>> PlanAsync(Call call, WireFormat format, RequestBody body)
    {
        var scanned = format.Read(body.Sequence);
        if (scanned.Failed(out var fault))
        {
            return fault;
        }

        var request = scanned.Value;
        if (format.FeaturesOf(call.Http.Request.Headers, request.BodyBytes) is var asked and not RequestFeatures.None)
        {
            request = request with { Features = request.Features | asked };
        }

        if (ModelAccess.IsSandboxed(call.Caller, call.Workspace))
        {
            return new CallPlan(format, request, catalogue.SandboxFor(format.Operation, request.Model), true);
        }

        if (!ModelAccess.MayCall(call, request.Model))
        {
            return GatewayFaults.ModelNotFound;
        }

        var models = await catalogue.OfAsync(call.Workspace, call.Aborted);
        if (!models.Models.TryGetValue(request.Model, out var found) || ModelAccess.WithinRegions(call, found) is not { } model)
        {
            return GatewayFaults.ModelNotFound;
        }

        return !format.IsFree && model.Prices is null && ledger.IsCapped(ledger.ScopeOf(call.Caller, call.CrewId, call.Workspace.Id))
            ? GatewayFaults.ModelNotPriced
            : new CallPlan(format, request, model, false);
    }
}

using System.Buffers;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Dialects;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Gateway.Calls;

/// <summary>What is to be sent, and the most that it can cost. Pure.</summary>
internal sealed class CallPlan
{
    private readonly int? _cap;

    public CallPlan(WireFormat format, InferenceRequest request, CatalogueModel model, bool isSandboxed)
    {
        (Format, Request, Model, IsSandboxed) = (format, request, model, isSandboxed);
        _cap = format.HasOutput ? request.OutputCap ?? model.MaxOutputTokens : 0;
        Worst = new WorstCase(request.BodyBytes, _cap ?? 0, request.Choices, request.Features.HasFlag(RequestFeatures.Tools),
            request.Features.HasFlag(RequestFeatures.LongCache));
        Hold = model.Prices is { } prices && !format.IsFree
            ? HoldRequest.AtPrices(
                (Int128)Worst.InputTokens * Worst.InputPrice(prices).Value, (Int128)prices.Output.Value * request.Choices,
                PriceList.TokensPerPrice, _cap ?? 0, _cap is not null && request.CostIsBoundable)
            : new HoldRequest(NanoUsd.Zero, NanoUsd.Zero, _cap ?? 0, true);
    }

    /// <summary>How the client speaks.</summary>
    public WireFormat Format { get; }

    public InferenceRequest Request { get; }

    public CatalogueModel Model { get; }

    /// <summary>The sandbox answers in place of the model that was asked for.</summary>
    public bool IsSandboxed { get; }

    public WorstCase Worst { get; }

    public HoldRequest Hold { get; }

    /// <summary>The body for one target, under the cap that its hold pays for.</summary>
    public SplicedBody BodyFor(ReadOnlySequence<byte> body, Target target, Hold hold) =>
        BodySplice.Apply(body, Request, Format.EditsFor(Request, target.UpstreamModel, CapUnder(hold)));

    /// <summary>The cap that has to be sent; null where the client's own stands.</summary>
    private int? CapUnder(Hold hold) => !Format.HasOutput ? null
        : hold.IsClamped ? (int)Math.Min(hold.GrantedOutputTokens, int.MaxValue)
        : Request.OutputCap is null ? _cap : null;

    public Settlement SettlementFor(Hold hold) => new(
        hold.IsClamped ? Worst with { OutputCap = (int)Math.Min(hold.GrantedOutputTokens, int.MaxValue) } : Worst, Model.Prices, hold.IsStrict, hold.Amount);
}

using Crew.Gateway.Catalogue;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Gateway.Calls;

/// <summary>What is to be sent, and the most that it can cost. Pure.</summary>
internal sealed class ChatPlan
{
    private readonly int? _cap;

    public ChatPlan(ChatRequest request, CatalogueModel model, bool isSandboxed)
    {
        (Request, Model, IsSandboxed) = (request, model, isSandboxed);
        _cap = request.OutputCap ?? model.MaxOutputTokens;
        Worst = new WorstCase(request.BodyBytes, _cap ?? 0, request.Choices, request.Features.HasFlag(ChatFeatures.Tools));
        Hold = model.Prices is { } prices
            ? HoldRequest.AtPrices(
                (Int128)Worst.InputTokens * prices.DearestInput.Value, (Int128)prices.Output.Value * request.Choices,
                PriceList.TokensPerPrice, _cap ?? 0, _cap is not null && request.CostIsBoundable)
            : new HoldRequest(NanoUsd.Zero, NanoUsd.Zero, _cap ?? 0, true);
    }

    public ChatRequest Request { get; }

    public CatalogueModel Model { get; }

    /// <summary>The sandbox answers in place of the model that was asked for.</summary>
    public bool IsSandboxed { get; }

    public WorstCase Worst { get; }

    public HoldRequest Hold { get; }

    /// <summary>The body for one target, under the cap that its hold pays for.</summary>
    public BodyEdits EditsFor(Target target, Hold hold) => new()
    {
        UpstreamModel = target.UpstreamModel,
        ForceUsage = Request.Stream,
        OutputCap = hold.IsClamped ? (int)Math.Min(hold.GrantedOutputTokens, int.MaxValue) : Request.OutputCap is null ? _cap : null,
    };

    public Settlement SettlementFor(Hold hold) => new(
        hold.IsClamped ? Worst with { OutputCap = (int)Math.Min(hold.GrantedOutputTokens, int.MaxValue) } : Worst, Model.Prices, hold.IsStrict, hold.Amount);
}

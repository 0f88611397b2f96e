using System.Buffers;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Dialects;
using Crew.Gateway.Dialects.Translation;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Metering;
using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Gateway.Calls;

/// <summary>What is to be sent, and the most that it can cost.</summary>
internal sealed class CallPlan
{
    private readonly int? _cap;
    private Route? _direct;
    private Conversation? _carried;

    public CallPlan(WireFormat format, InferenceRequest request, CatalogueModel model, bool isSandboxed)
    {
        (Format, Request, Model, IsSandboxed) = (format, request, model, isSandboxed);
        _cap = format.HasOutput ? request.OutputCap ?? format.OwnCap ?? model.MaxOutputTokens : 0;
        Worst = ModalityBounds.Of(format.Operation, request, model, _cap ?? 0);
        Hold = model.Prices is { } prices && !format.IsFree
            ? HoldRequest.AtPrices(
                Worst.FixedCost(prices), (Int128)Worst.OutputPrice(prices).Value * request.Choices,
                PriceList.TokensPerPrice, _cap ?? 0, _cap is not null && ModalityBounds.AreKnown(request, model, prices))
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

    /// <summary>
    /// Whether a target's output is paid for in steps: a stream of one answer, longer than the first step, where breaking off ends the bill
    /// within a known margin. Elsewhere only the output cap bounds the bill, and its whole worst case is held.
    /// </summary>
    public bool TakesSteps(Target target, bool isStrict) => isStrict && Request.Stream && Request.Choices == 1 && !Format.IsPassThrough
        && target.Provider.CancelMarginTokens is { } margin && OutputSteps.First(Hold, margin).OutputTokens < Hold.OutputTokens;

    /// <summary>
    /// How a target can be spoken to; a fault where it serves neither the client's endpoint nor one that the request can be carried to.
    /// </summary>
    public Outcome<Route> RouteTo(Target target, ReadOnlySequence<byte> body)
    {
        if (target.Provider.UriOf(Format.Operation, target.UpstreamModel) is not null)
        {
            return _direct ??= new Route(Format, null);
        }

        foreach (var operation in Translations.Of(Format.Operation))
        {
            if (target.Provider.UriOf(operation, target.UpstreamModel) is not null)
            {
                return Carry(operation, target, body);
            }
        }

        return GatewayFaults.EndpointNotServed(Format.ClientPath);
    }

    /// <summary>The body for one target, under the cap that its hold pays for.</summary>
    public SplicedBody BodyFor(Route route, ReadOnlySequence<byte> body, Target target, Hold hold)
    {
        if (route.Carried is not { } carried)
        {
            var edits = Format.EditsFor(Request, target.UpstreamModel, CapUnder(hold));
            return BodySplice.Apply(body, Request, target.Health.RefusesUsage ? edits with { ForceUsage = false } : edits);
        }

        var terms = new WriteTerms(target.UpstreamModel, CapUnder(hold) ?? _cap, Request.Stream) { IsUsageRefused = target.Health.RefusesUsage };
        return SplicedBody.Build(new ReadOnlySequence<byte>(Translations.WriterOf(route.Format.Operation).Write(carried, terms)), []);
    }

    /// <summary>Whether the wish for usage that a stream goes out with is ours, and not the client's own.</summary>
    public bool AddsUsage(Route route, Target target) => Request.Stream && !target.Health.RefusesUsage
        && route.Format.Operation == Operation.ChatCompletions && (route.Carried is not null || !Request.WantsUsage);

    /// <summary>Where a stream is written in the client's format; null where it passes as it comes.</summary>
    public TranslatedStream? TranslationOf(Route route, EventReader counts) => route.Carried is null ? null : new TranslatedStream(
        Translations.AnswersOf(route.Format.Operation), Translations.StreamFor(Format.Operation, Request.WantsUsage), counts);

    private Outcome<Route> Carry(Operation operation, Target target, ReadOnlySequence<byte> body)
    {
        if (_carried is null)
        {
            var read = Translations.ReaderOf(Format.Operation).Read(body);
            if (read.Failed(out var unread))
            {
                return unread;
            }

            _carried = read.Value;
        }

        return Translations.WriterOf(operation).Check(_carried, new WriteTerms(target.UpstreamModel, _cap, Request.Stream)) is { } refused
            ? refused
            : new Route(WireFormats.All[(int)operation], _carried);
    }

    /// <summary>The cap that has to be sent; null where the client's own stands.</summary>
    private int? CapUnder(Hold hold) => !Format.HasOutput ? null
        : hold.IsClamped ? (int)Math.Min(hold.GrantedOutputTokens, int.MaxValue)
        : Request.OutputCap is not null || (Format.OwnCap is not null && !hold.IsStrict) ? null : _cap;

    public Settlement SettlementFor(Target target, Hold hold) => new(
        hold.IsClamped ? Worst with { OutputCap = (int)Math.Min(hold.GrantedOutputTokens, int.MaxValue) } : Worst, Model.Prices, hold.IsStrict, hold.Amount,
        target.Provider.CancelMarginTokens);
}

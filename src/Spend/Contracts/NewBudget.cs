using Crew.Kernel;

namespace Crew.Spend.Contracts;

/// <summary>The terms of a budget as a request gives them, scope aside.</summary>
/// <param name="AmountUsd">The cap of one window; zero lets nothing pass that costs anything.</param>
/// <param name="Window"><c>day</c>, <c>week</c>, <c>month</c> or <c>total</c>, in UTC.</param>
/// <param name="Mode"><c>strict</c> (the default) or <c>tracking</c>.</param>
/// <param name="ClampOutput">Whether answers may be cut to what still fits; false by default.</param>
public sealed record NewBudget(NanoUsd? AmountUsd, string? Window, string? Mode, bool? ClampOutput);

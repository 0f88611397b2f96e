using Crew.Http;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Spend.Contracts;

public sealed record NewBudget(NanoUsd? AmountUsd, string? Window, string? Mode, bool? ClampOutput);

public sealed class KeyBudgets
{
    public bool MustHaveParent(Caller caller) => false;

    public Fault? AddForKey(Db db, Call call, string lineageId, NewBudget budget) => null;
}

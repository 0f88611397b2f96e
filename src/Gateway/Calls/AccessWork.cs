using Crew.Http;
using Crew.Kernel;
using Crew.Storage;

namespace Crew.Gateway.Calls;

/// <summary>
/// The flush before our first byte: the record of the credential's use, with whatever was settled by then. Just before the rows are
/// written it looks once more whether the credential was revoked; then the record says so and nothing is served.
/// </summary>
internal sealed class AccessWork(Call call) : AppendWork
{
    private Event? _access;
    private int _row = -1;
    private bool _isRecorded;

    /// <summary>
    /// The credential was revoked while the request was under way. Also true when that became known after the record was written: then
    /// nothing is served all the same.
    /// </summary>
    public bool IsRevoked => _isRecorded || call.Caller.Revoked.IsCancellationRequested;

    /// <summary>Adds the record. Called once, when it is known how the request ends.</summary>
    public void Record(int status, string? reason)
    {
        if (_row >= 0 || call.Origin.TakeAccess() is not { } access)
        {
            return;
        }

        _access = access;
        call.Origin.Owe(access);
        var outcome = status < 400 ? "success" : reason is not null && status is 401 or 402 or 403 or 404 or 429 ? "denied" : "failure";
        if (call.TakeAccessRow(outcome, status, reason) is { } row)
        {
            _row = Rows.Count;
            Rows.Add(row);
        }
    }

    /// <summary>What was written is not needed any more: a stream may stay open for long.</summary>
    public void Forget()
    {
        Rows.Clear();
        Rows.TrimExcess();
        _access = null;
    }

    public override bool BeforeWrite()
    {
        if (_isRecorded || !call.Caller.Revoked.IsCancellationRequested)
        {
            return false;
        }

        _isRecorded = true;
        if (_row >= 0 && _access is { } access)
        {
            call.Origin.Owe(access);
            Rows[_row] = call.TakeAccessRow("denied", GatewayFaults.KeyRevoked.Status, "revoked") ?? Rows[_row];
        }

        return true;
    }
}

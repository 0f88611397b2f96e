using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Calls;

/// <summary>
/// An answer that is a file, such as speech: it says nothing of its price, so it is settled by the size of the request before its first byte
/// goes out, and its bytes pass as they come.
/// </summary>
internal sealed class FileRelay(Exchange exchange, PhysicalAttempt attempt, HttpResponseMessage answer)
{
    private const int CopyBytes = 16_384;

    public async Task RunAsync()
    {
        attempt.Praise();
        attempt.Settle(exchange.Work, attempt.Settlement.OfAnswer(null, 0), 200, "success");
        exchange.Work.Record(200, null);
        if (!await exchange.Parts.FlushAsync(exchange.Work))
        {
            await ErrorWriter.WriteAsync(exchange.Call, Faults.AuditUnavailable);
            return;
        }

        if (exchange.Work.IsRevoked)
        {
            await ErrorWriter.WriteAsync(exchange.Call, GatewayFaults.KeyRevoked);
            return;
        }

        exchange.WriteHead(answer, attempt.Route, 200);
        await CopyAsync();
    }

    /// <summary>Ends both sides: a file has no place for an error, and what it costs is settled.</summary>
    private void Cut()
    {
        exchange.Call.Http.Abort();
        attempt.BreakOff();
    }

    private async Task CopyAsync()
    {
        var (http, cancel) = (exchange.Call.Http, exchange.Call.Aborted);
        using var stopping = exchange.Call.Stopping.UnsafeRegister(static a => ((PhysicalAttempt)a!).BreakOff(), attempt);
        using var revoked = exchange.Call.Caller.Revoked.UnsafeRegister(static r => ((FileRelay)r!).Cut(), this);
        using var cutOff = exchange.Parts.CutOffs.Over.UnsafeRegister(static r => ((FileRelay)r!).Cut(), this);
        try
        {
            await using var stream = await answer.Content.ReadAsStreamAsync(attempt.Limits);
            var buffer = new byte[CopyBytes];
            attempt.ArmIdle();
            while (await stream.ReadAsync(buffer, attempt.Limits) is var read and > 0)
            {
                if (attempt.Target.Provider.Echo?.IsInAnswer(buffer.AsSpan(0, read)) == true)
                {
                    http.Abort();
                    return;
                }

                attempt.PauseIdle();
                await http.Response.Body.WriteAsync(buffer.AsMemory(0, read), cancel);
                await http.Response.Body.FlushAsync(cancel);
                attempt.ArmIdle();
            }
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or OperationCanceledException)
        {
            // Half a file must not look like a whole one.
            http.Abort();
        }
    }
}

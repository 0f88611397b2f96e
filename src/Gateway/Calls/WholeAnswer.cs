using Crew.Gateway.Forwarding;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Calls;

/// <summary>An answer in one piece: read whole, settled and recorded in one flush, then served as it came.</summary>
internal sealed class WholeAnswer(Exchange exchange, PhysicalAttempt attempt, HttpResponseMessage answer, bool mayGoOn)
{
    private const int MaximumAnswerBytes = 64 << 20;
    private const int MaximumErrorBytes = 1 << 20;

    /// <returns>Null when the client has an answer; else why the next target has to try.</returns>
    public async ValueTask<Fault?> RunAsync()
    {
        var (status, isSuccess) = ((int)answer.StatusCode, answer.StatusCode == System.Net.HttpStatusCode.OK);
        using var bytes = new ByteStore();
        using var stopping = exchange.Call.Stopping.UnsafeRegister(static a => ((PhysicalAttempt)a!).BreakOff(), attempt);
        var broke = await ReadAsync(bytes, isSuccess ? MaximumAnswerBytes : MaximumErrorBytes);
        if (broke is not null)
        {
            attempt.Blame();
            attempt.Settle(exchange.Work, isSuccess ? attempt.Settlement.OfBreak(null, 0) : Metered.Nothing, status, broke.Code);
            return mayGoOn ? broke : await EndAsync(broke);
        }

        if (status is not (429 or >= 500))
        {
            attempt.Praise();
        }

        if (!isSuccess)
        {
            if (attempt.Target.Provider.Echo?.IsIn(bytes.Memory.Span) == true)
            {
                attempt.Settle(exchange.Work, Metered.Nothing, status, "credentials_rejected");
                return await EndAsync(GatewayFaults.CredentialsRejected);
            }

            attempt.Settle(exchange.Work, status < 300 ? attempt.Settlement.OfBreak(null, 0) : Metered.Nothing, status, "upstream_error");
            if (status is < 400 or >= 600 || !IsJson)
            {
                return await EndAsync(GatewayFaults.ProviderUnavailable);
            }

            var (client, id) = (exchange.Plan.Format, exchange.Call.RequestId);
            using var error = Route.Carried is null ? null : Calls.Route.TranslateError(client, bytes, status, id);
            await ServeAsync(error ?? bytes, Route.StatusFor(exchange.Call.Dialect, status));
            return null;
        }

        var read = IsJson ? Route.Format.ReadAnswer(new System.Buffers.ReadOnlySequence<byte>(bytes.Memory)) : default;
        using var translated = read.IsJson && Route.Carried is not null ? Route.Translate(exchange.Plan.Format, bytes, read.Usage) : null;
        if (!read.IsJson || (Route.Carried is not null && translated is null))
        {
            attempt.Settle(exchange.Work, attempt.Settlement.OfBreak(read.Usage, read.TextBytes), status, "upstream_garbage");
            return mayGoOn ? GatewayFaults.ProviderUnavailable : await EndAsync(GatewayFaults.ProviderUnavailable);
        }

        attempt.Settle(exchange.Work, attempt.Settlement.OfAnswer(read.Usage, read.TextBytes), status, "success");
        await ServeAsync(translated ?? bytes, status);
        return null;
    }

    private async ValueTask<Fault?> EndAsync(Fault fault)
    {
        await exchange.FailAsync(fault);
        return null;
    }

    private Route Route => attempt.Route;

    private bool IsJson => RequestBody.IsJson(answer.Content.Headers.ContentType?.MediaType);

    private async ValueTask ServeAsync(ByteStore bytes, int status)
    {
        exchange.Work.Record(status, status < 400 ? null : "upstream_error");
        CrashPoint.Pass(CrashPoints.RecordBefore);
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

        CrashPoint.Pass(CrashPoints.RecordAfter);
        exchange.WriteHead(answer, Route, status);
        var response = exchange.Call.Http.Response;
        response.ContentLength = bytes.Length;
        CrashPoint.Pass(CrashPoints.ReplyBefore);
        await response.Body.WriteAsync(bytes.Memory, exchange.Call.Aborted);
        CrashPoint.Pass(CrashPoints.ReplyAfter);
    }

    private async ValueTask<Fault?> ReadAsync(ByteStore bytes, int most)
    {
        try
        {
            var length = answer.Content.Headers.ContentLength ?? 0;
            await using var stream = await answer.Content.ReadAsStreamAsync(attempt.Limits);
            bytes.Reserve((int)Math.Min(length, MaximumErrorBytes) + 1);
            while (true)
            {
                var read = await stream.ReadAsync(bytes.GetMemory(), attempt.Limits);
                if (read == 0)
                {
                    return null;
                }

                bytes.Advance(read);
                attempt.NoteBytes();
                if (bytes.Length > most)
                {
                    return GatewayFaults.ProviderUnavailable;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return GatewayFaults.ProviderTimeout;
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return GatewayFaults.ProviderUnavailable;
        }
    }
}

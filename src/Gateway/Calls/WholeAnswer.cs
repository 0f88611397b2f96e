using System.Text.Json;
using System.Text.Unicode;
using Crew.Gateway.Forwarding;
using Crew.Http;
using Crew.Kernel;

namespace Crew.Gateway.Calls;

/// <summary>An answer in one piece: read whole, settled and recorded in one flush, then served as it came.</summary>
internal sealed class WholeAnswer(Exchange exchange, PhysicalAttempt attempt, HttpResponseMessage answer, bool mayGoOn)
{
    private const int MaximumAnswerBytes = 64 << 20;
    private const int MaximumErrorBytes = 1 << 20;
    private const int MaximumErrorDepth = 64;

    /// <summary>What is held of the memory for answers; given back when this one has been served.</summary>
    private long _taken;

    /// <returns>Null when the client has an answer; else why the next target has to try.</returns>
    public async ValueTask<Fault?> RunAsync()
    {
        var (status, isSuccess) = ((int)answer.StatusCode, answer.StatusCode == System.Net.HttpStatusCode.OK);
        using var bytes = new ByteStore();
        using var stopping = exchange.Call.Stopping.UnsafeRegister(static a => ((PhysicalAttempt)a!).BreakOff(), attempt);
        try
        {
            var broke = await ReadAsync(bytes, isSuccess ? MaximumAnswerBytes : MaximumErrorBytes);
            return broke is not null ? await BreakAsync(broke, status, isSuccess)
                : isSuccess ? await SucceedAsync(bytes, status)
                : await PassErrorAsync(bytes, status);
        }
        finally
        {
            exchange.Parts.Memory.GiveBack(_taken);
        }
    }

    private async ValueTask<Fault?> BreakAsync(Fault broke, int status, bool isSuccess)
    {
        if (broke.Code != GatewayFaults.AnswersTooMany.Code)
        {
            attempt.Blame();
        }

        // What was lost on its way back has been produced, and is billed.
        var wasProduced = isSuccess || attempt.MayHaveWorked;
        attempt.Settle(exchange.Work, wasProduced ? attempt.Settlement.OfBreak(null, 0) : Metered.Nothing, status, broke.Code);
        return mayGoOn && !wasProduced ? broke : await EndAsync(broke);
    }

    private async ValueTask<Fault?> SucceedAsync(ByteStore bytes, int status)
    {
        var read = IsJson ? Route.Format.ReadAnswer(new System.Buffers.ReadOnlySequence<byte>(bytes.Memory)) : default;
        if (read.IsError)
        {
            // Nobody's client looks for an error under a status of 200, and no other target would be tried.
            attempt.Blame();
            attempt.Settle(exchange.Work, attempt.Settlement.OfBreak(read.Usage, read.TextBytes), status, "upstream_error");
            return mayGoOn ? GatewayFaults.ProviderUnavailable : await SayErrorAsync(bytes, (int)System.Net.HttpStatusCode.BadGateway);
        }

        if (Echo?.IsInAnswer(bytes.Memory.Span) == true)
        {
            attempt.Blame();
            attempt.Settle(exchange.Work, attempt.Settlement.OfBreak(read.Usage, read.TextBytes), status, "credentials_rejected");
            return await EndAsync(GatewayFaults.CredentialsRejected);
        }

        using var translated = read.IsJson && Route.Carried is not null ? Route.Translate(exchange.Plan.Format, bytes, read.Usage) : null;
        if (!read.IsJson || (Route.Carried is not null && translated is null))
        {
            attempt.Blame();
            attempt.Settle(exchange.Work, attempt.Settlement.OfBreak(read.Usage, read.TextBytes), status, "upstream_garbage");

            // A page in place of an answer is a failure of the target; an answer that cannot be said in the client's dialect is billed.
            return mayGoOn && !read.IsJson ? GatewayFaults.ProviderUnavailable : await EndAsync(GatewayFaults.ProviderUnavailable);
        }

        attempt.Praise();
        attempt.Settle(exchange.Work, attempt.Settlement.OfAnswer(read.Usage, read.TextBytes, read.Images), status, "success");
        await ServeAsync(translated ?? bytes, status);
        return null;
    }

    private async ValueTask<Fault?> PassErrorAsync(ByteStore bytes, int status)
    {
        if (status is not (429 or >= 500))
        {
            attempt.Praise();
        }

        var repeats = Echo?.IsIn(bytes.Memory.Span) == true;
        attempt.Settle(exchange.Work, attempt.MayHaveWorked || (status < 300 && !repeats) ? attempt.Settlement.OfBreak(null, 0) : Metered.Nothing, status,
            repeats ? "credentials_rejected" : "upstream_error");
        if (UsageRefusal.IsIn(bytes.Span, status) && exchange.Plan.AddsUsage(Route, attempt.Target))
        {
            // It does not take what we added. It has said so before any work, and is asked once more without that.
            attempt.Target.Health.RefuseUsage();
            attempt.IsToRepeat = true;
            return GatewayFaults.ProviderUnavailable;
        }

        return status is < 400 or >= 600 || !IsJson
            ? await EndAsync(repeats ? GatewayFaults.CredentialsRejected : attempt.MayHaveWorked ? GatewayFaults.ProviderTimeout : GatewayFaults.ProviderUnavailable)
            : await SayErrorAsync(bytes, status);
    }

    /// <summary>A provider's error in its own words, as far as they are words: what is no JSON in UTF-8 nobody can have searched.</summary>
    private async ValueTask<Fault?> SayErrorAsync(ByteStore bytes, int status)
    {
        if (Echo?.IsIn(bytes.Memory.Span) == true)
        {
            return await EndAsync(GatewayFaults.CredentialsRejected);
        }

        if (!IsText(bytes.Memory))
        {
            return await EndAsync(GatewayFaults.ProviderUnavailable);
        }

        if (AccountNames.Hide(bytes.Span) is { } hidden)
        {
            bytes.Clear();
            bytes.Append(hidden);
        }

        var (client, id) = (exchange.Plan.Format, exchange.Call.RequestId);
        using var error = Route.Carried is null ? null : Calls.Route.TranslateError(client, bytes, status, id);
        await ServeAsync(error ?? bytes, Route.StatusFor(exchange.Call.Dialect, status));
        return null;
    }

    private static bool IsText(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var parsed = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaximumErrorDepth });
            return Utf8.IsValid(json.Span);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private async ValueTask<Fault?> EndAsync(Fault fault)
    {
        await exchange.FailAsync(fault);
        return null;
    }

    private Route Route => attempt.Route;

    private CredentialEcho? Echo => attempt.Target.Provider.Echo;

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

    private async ValueTask<bool> TakeAsync(long bytes)
    {
        if (!await exchange.Parts.Memory.TakeAsync(bytes, exchange.Parts.Clock, attempt.Limits))
        {
            return false;
        }

        _taken += bytes;
        return true;
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
                if (bytes.Capacity > _taken && !await TakeAsync(bytes.Capacity - _taken))
                {
                    return GatewayFaults.AnswersTooMany;
                }

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

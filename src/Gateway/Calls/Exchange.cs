using System.Net;
using System.Net.Http.Headers;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Forwarding;
using Crew.Http;
using Crew.Kernel;
using Crew.Sealing.Egress;
using Crew.Spend.Contracts;

namespace Crew.Gateway.Calls;

/// <summary>
/// One request of a client: as many physical attempts as it takes, one answer. Whatever was sent settles exactly once, and nothing is
/// served before the records are durable.
/// <code>
/// for each target:  hold ─► send ─► headers ─┬─ 5xx, 429, unreachable: settle, next target
///                                            ├─ event stream: StreamRelay
///                                            └─ anything else: read, settle, flush, serve
/// </code>
/// </summary>
internal sealed class Exchange(CallParts parts, Call call, CallPlan plan, RequestBody body, UsageTicket ticket)
{
    private const int MaximumAnswerBytes = 64 << 20;
    private const int MaximumErrorBytes = 1 << 20;

    private readonly AccessWork _work = new(call);
    private readonly long _started = parts.Clock.GetTimestamp();
    private CallFacts? _facts;

    /// <summary>A provider may have begun to work on a call that failed: another attempt would be paid for twice.</summary>
    private bool _wasSent;

    public CallParts Parts => parts;

    public Call Call => call;

    public CallPlan Plan => plan;

    /// <summary>The flush before our first byte; attempts that failed before are in it.</summary>
    public AccessWork Work => _work;

    private CallFacts Facts => _facts ??= new CallFacts(call, plan, parts, ticket);

    public async Task RunAsync()
    {
        var scope = parts.Ledger.ScopeOf(call.Caller, call.CrewId, call.Workspace.Id);
        var targets = plan.Model.Order(plan.Model.Targets.Count > 1 ? Random.Shared.NextDouble() : 0);
        Fault? last = null;
        var number = 0;
        for (var index = 0; index < targets.Count; index++)
        {
            var target = targets[index];
            if (target.Provider.UriOf(plan.Format.Operation) is null)
            {
                last ??= GatewayFaults.EndpointNotServed(plan.Format.ClientPath);
                continue;
            }

            if (!target.Provider.IsReady)
            {
                last = GatewayFaults.CredentialsRejected;
                continue;
            }

            if (target.Cap.IsBroken && parts.Ledger.IsStrict(scope))
            {
                last ??= GatewayFaults.CapNotHonoured;
                continue;
            }

            // A node that stood still since the request came in does not know whether the key still holds.
            var held = parts.Node.IsLive ? await parts.Ledger.HoldAsync(scope, plan.Hold, call.Aborted) : HttpFaults.NodeCutOff;
            if (held.Failed(out var refused))
            {
                last = refused;
                break;
            }

            if (held.Value is { IsClamped: true } clamped && clamped.GrantedOutputTokens < plan.Request.LeastOutputCap)
            {
                clamped.Release();
                last = GatewayFaults.ThinkingDoesNotFit;
                break;
            }

            var attempt = Begin(target, held.Value, ++number);
            if (await TryAsync(attempt, held.Value, mayGoOn: index + 1 < targets.Count) is not { } failed)
            {
                return;
            }

            last = failed;
            if (_wasSent)
            {
                break;
            }
        }

        await FailAsync(last ?? GatewayFaults.ProviderUnavailable);
    }

    /// <summary>Answers with a refusal, once the attempts and the use of the credential are on record.</summary>
    public async Task FailAsync(Fault fault)
    {
        if (fault.Status >= 500 && call.Stopping.IsCancellationRequested)
        {
            fault = HttpFaults.NodeStopping;
        }

        _work.Record(fault.Status, fault.Code);
        if (!await parts.Committer.AppendAsync(_work))
        {
            parts.Owed.Keep(_work);
            fault = Faults.AuditUnavailable;
        }
        else if (_work.IsRevoked)
        {
            fault = GatewayFaults.KeyRevoked;
        }

        await ErrorWriter.WriteAsync(call, fault);
    }

    /// <summary>Status and headers of an answer that is about to be served.</summary>
    public void WriteHead(HttpResponseMessage answer, int status)
    {
        var response = call.Http.Response;
        response.StatusCode = status;
        Copy(answer.Headers, response);
        Copy(answer.Content.Headers, response);
        plan.Format.WriteHead(response.Headers, parts.Clock.GetElapsedTime(_started));
        if (plan.IsSandboxed)
        {
            response.Headers["X-Crew-Sandbox"] = "true";
        }
    }

    private void Copy(HttpHeaders from, Microsoft.AspNetCore.Http.HttpResponse to)
    {
        foreach (var (name, values) in from.NonValidated)
        {
            if (plan.Format.PassesToClient(name) && values.ToString() is var value && HeaderValue.IsSafe(value))
            {
                to.Headers[name] = value;
            }
        }
    }

    private PhysicalAttempt Begin(Target target, Hold hold, int number)
    {
        try
        {
            return new PhysicalAttempt(Facts, target, hold, plan.SettlementFor(hold), number, parts.Clock);
        }
        catch
        {
            hold.Release();
            throw;
        }
    }

    /// <summary>One attempt. Null when the client has its answer; a fault when the next target may try.</summary>
    private async ValueTask<Fault?> TryAsync(PhysicalAttempt attempt, Hold hold, bool mayGoOn)
    {
        var relays = false;
        HttpResponseMessage? answer = null;
        try
        {
            var sent = await SendAsync(attempt, hold);
            if (sent.Failed(out var unsent))
            {
                return unsent;
            }

            answer = sent.Value;
            var status = (int)answer.StatusCode;
            attempt.NoteBytes();
            if (mayGoOn && (status >= 500 || status == 429))
            {
                attempt.Settle(_work, Metered.Nothing, status, "upstream_error");
                return GatewayFaults.ProviderUnavailable;
            }

            if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            {
                attempt.Settle(_work, Metered.Nothing, status, "credentials_rejected");
                return GatewayFaults.CredentialsRejected;
            }

            if (status == 200 && plan.Request.Stream && answer.Content.Headers.ContentType?.MediaType == "text/event-stream")
            {
                relays = true;
                await new StreamRelay(this, attempt, answer).RunAsync();
                return null;
            }

            return await AnswerAsync(attempt, answer, status);
        }
        finally
        {
            if (!relays)
            {
                answer?.Dispose();
                attempt.Dispose();
            }
        }
    }

    private async ValueTask<Outcome<HttpResponseMessage>> SendAsync(PhysicalAttempt attempt, Hold hold)
    {
        using var request = Build(attempt.Target, hold);
        var stops = plan.Request.Stream && attempt.Target.Provider.CancelStopsBilling;
        using var gone = stops ? call.Aborted.UnsafeRegister(static a => ((PhysicalAttempt)a!).BreakOff(), attempt) : default;
        using var stopping = call.Stopping.UnsafeRegister(static a => ((PhysicalAttempt)a!).BreakOff(), attempt);
        try
        {
            CrashPoint.Pass(CrashPoints.DispatchBefore);
            var answer = await attempt.Target.Provider.Invoker.SendAsync(request, attempt.Limits);
            CrashPoint.Pass(CrashPoints.DispatchAfter);
            return answer;
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException or OperationCanceledException)
        {
            var (fault, wasSent) = Judge(failed, attempt);
            var metered = !wasSent ? Metered.Nothing : attempt.WasBrokenOff ? attempt.Settlement.OfCut(null, 0) : attempt.Settlement.OfBreak(null, 0);
            _wasSent = wasSent;
            attempt.Settle(_work, metered, fault.Status, attempt.WasBrokenOff ? "client_closed" : fault.Code);
            return fault;
        }
    }

    private HttpRequestMessage Build(Target target, Hold hold)
    {
        var spliced = body.Lend(plan.BodyFor(body.Sequence, target, hold));
        var request = new HttpRequestMessage(HttpMethod.Post, target.Provider.UriOf(plan.Format.Operation))
        {
            // HTTP/2 where the provider offers it in the handshake (ALPN), HTTP/1.1 elsewhere and on plain connections.
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = spliced.ToContent(),
        };
        if (target.Provider.Credential is { } credential)
        {
            request.Headers.TryAddWithoutValidation(target.Provider.CredentialHeader, credential);
        }

        foreach (var (name, values) in call.Http.Request.Headers)
        {
            if (plan.Format.PassesToProvider(name) && HeaderValue.IsSafe(values.ToString()))
            {
                request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        plan.Format.Complete(request.Headers);
        return request;
    }

    /// <summary>What a failed call means to the client, and whether the provider may have begun to work, and so to bill.</summary>
    private static (Fault Fault, bool WasSent) Judge(Exception failed, PhysicalAttempt attempt) => failed switch
    {
        EgressRefusedException => (GatewayFaults.ProviderUnavailable, false),
        HttpRequestException
        {
            HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError,
        } => (GatewayFaults.ProviderUnavailable, false),

        // The connection could not be made in time: our own limit did not trip.
        OperationCanceledException when !attempt.Limits.IsCancellationRequested => (GatewayFaults.ProviderTimeout, false),
        OperationCanceledException => (GatewayFaults.ProviderTimeout, true),
        _ => (GatewayFaults.ProviderUnavailable, true),
    };

    /// <summary>An answer in one piece: read whole, settled and recorded in one flush, then served as it came.</summary>
    private async ValueTask<Fault?> AnswerAsync(PhysicalAttempt attempt, HttpResponseMessage answer, int status)
    {
        using var bytes = new ByteStore();
        using var stopping = call.Stopping.UnsafeRegister(static a => ((PhysicalAttempt)a!).BreakOff(), attempt);
        var isSuccess = status == 200;
        var broke = await ReadAsync(attempt, answer, bytes, isSuccess ? MaximumAnswerBytes : MaximumErrorBytes);
        if (broke is not null)
        {
            attempt.Settle(_work, isSuccess ? attempt.Settlement.OfBreak(null, 0) : Metered.Nothing, status, broke.Code);
            await FailAsync(broke);
            return null;
        }

        if (!isSuccess)
        {
            if (attempt.Target.Provider.Echo?.IsIn(bytes.Memory.Span) == true)
            {
                attempt.Settle(_work, Metered.Nothing, status, "credentials_rejected");
                await FailAsync(GatewayFaults.CredentialsRejected);
                return null;
            }

            attempt.Settle(_work, status < 300 ? attempt.Settlement.OfBreak(null, 0) : Metered.Nothing, status, "upstream_error");
            if (status is < 400 or >= 600 || !IsJson(answer))
            {
                await FailAsync(GatewayFaults.ProviderUnavailable);
                return null;
            }
        }
        else
        {
            var read = IsJson(answer) ? plan.Format.ReadAnswer(new System.Buffers.ReadOnlySequence<byte>(bytes.Memory)) : default;
            if (!read.IsJson)
            {
                attempt.Settle(_work, attempt.Settlement.OfBreak(null, 0), status, "upstream_garbage");
                await FailAsync(GatewayFaults.ProviderUnavailable);
                return null;
            }

            attempt.Settle(_work, attempt.Settlement.OfAnswer(read.Usage, read.TextBytes), status, "success");
        }

        await ServeAsync(answer, bytes, status);
        return null;
    }

    private static bool IsJson(HttpResponseMessage answer) => RequestBody.IsJson(answer.Content.Headers.ContentType?.MediaType);

    private async ValueTask ServeAsync(HttpResponseMessage answer, ByteStore bytes, int status)
    {
        _work.Record(status, status < 400 ? null : "upstream_error");
        CrashPoint.Pass(CrashPoints.RecordBefore);
        if (!await parts.Committer.AppendAsync(_work))
        {
            parts.Owed.Keep(_work);
            await ErrorWriter.WriteAsync(call, Faults.AuditUnavailable);
            return;
        }

        if (_work.IsRevoked)
        {
            await ErrorWriter.WriteAsync(call, GatewayFaults.KeyRevoked);
            return;
        }

        CrashPoint.Pass(CrashPoints.RecordAfter);
        WriteHead(answer, status);
        var response = call.Http.Response;
        response.ContentLength = bytes.Length;
        CrashPoint.Pass(CrashPoints.ReplyBefore);
        await response.Body.WriteAsync(bytes.Memory, call.Aborted);
        CrashPoint.Pass(CrashPoints.ReplyAfter);
    }

    private static async ValueTask<Fault?> ReadAsync(PhysicalAttempt attempt, HttpResponseMessage answer, ByteStore bytes, int most)
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

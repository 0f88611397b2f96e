using System.Net;
using System.Net.Http.Headers;
using Crew.Gateway.Catalogue;
using Crew.Gateway.Dialects.OpenAi;
using Crew.Gateway.Forwarding;
using Crew.Gateway.Routing;
using Crew.Http;
using Crew.Kernel;
using Crew.Spend.Contracts;

namespace Crew.Gateway.Calls;

/// <summary>
/// One request of a client: as many physical attempts as it takes, one answer. Whatever was sent settles exactly once, and nothing is
/// served before the records are durable.
/// <code>
/// for each target:  hold ─► send ─► headers ─┬─ 5xx, 429, never sent: settle, next target
///                                            ├─ sent and not answered: settle, refuse
///                                            ├─ event stream: StreamRelay ─► failed before content: settle, next target
///                                            └─ anything else: read, settle, flush, serve
/// </code>
/// </summary>
internal sealed class Exchange(CallParts parts, Call call, CallPlan plan, RequestBody body, UsageTicket ticket)
{
    /// <summary>A provider that asks for a longer wait (Retry-After) is not waited for: its answer goes to the client.</summary>
    private const int MostWaitSeconds = 5;

    private static readonly Func<object?, bool> MayLeaveOf = static exchange => ((Exchange)exchange!).MayLeave();

    private readonly AccessWork _work = new(call);
    private readonly long _started = parts.Clock.GetTimestamp();
    private CallFacts? _facts;
    private int _attempts;

    /// <summary>The target that asked for the shortest wait, and how long that is; what is worth waiting for is waited for once.</summary>
    private (Target Target, TimeSpan Wait)? _soonest;
    private bool _hasWaited;
    private Fault? _withheld;

    public CallParts Parts => parts;

    public Call Call => call;

    public CallPlan Plan => plan;

    public UsageTicket Ticket => ticket;

    /// <summary>The flush before our first byte; attempts that failed before are in it.</summary>
    public AccessWork Work => _work;

    private CallFacts Facts => _facts ??= new CallFacts(call, plan, parts, ticket);

    public async Task RunAsync()
    {
        var scope = parts.Ledger.ScopeOf(call.Caller, call.CrewId, call.Workspace.Id);
        var targets = TargetChoice.Order(plan.Model.Targets, parts.Clock.GetUtcNow(), Random.Shared.NextDouble);
        Fault? last = null;
        for (var index = 0; index < targets.Count; index++)
        {
            var turn = await TakeTurnAsync(targets[index], scope, mayGoOn: index + 1 < targets.Count);
            if (turn.IsAnswered)
            {
                return;
            }

            if (turn.IsToRepeat)
            {
                // Once: what it refused is not sent there again.
                index--;
                continue;
            }

            // That a target could not even be tried says less than how another one failed.
            last = turn.WasSkipped ? last ?? turn.Failed : turn.Failed;
            if (turn.IsFinal || call.Aborted.IsCancellationRequested || call.Stopping.IsCancellationRequested)
            {
                _soonest = null;
                break;
            }
        }

        if (_soonest is var (target, wait) && await WaitAsync(wait))
        {
            var turn = await TakeTurnAsync(target, scope, mayGoOn: false);
            if (turn.IsAnswered)
            {
                return;
            }

            last = turn.Failed;
        }

        await FailAsync(last ?? GatewayFaults.ProviderUnavailable);
    }

    /// <summary>One target's turn: a hold, and an attempt under it.</summary>
    private async ValueTask<Turn> TakeTurnAsync(Target target, SpendScope scope, bool mayGoOn)
    {
        var routed = plan.RouteTo(target, body.Sequence);
        if (routed.Failed(out var unreachable))
        {
            return new Turn(unreachable) { WasSkipped = true };
        }

        if (!target.Provider.IsReady)
        {
            return new Turn(GatewayFaults.CredentialsRejected);
        }

        if (target.IsCapBroken && parts.Ledger.IsStrict(scope))
        {
            return new Turn(GatewayFaults.CapNotHonoured) { WasSkipped = true };
        }

        // A node that stood still since the request came in does not know whether the key still holds.
        var steps = target.Provider.CancelMarginTokens is not null && plan.TakesSteps(target, parts.Ledger.IsStrict(scope));
        var request = steps ? OutputSteps.First(plan.Hold, target.Provider.CancelMarginTokens!.Value) : plan.Hold;
        var held = parts.Node.IsLive ? await parts.Ledger.HoldAsync(scope, request, call.Aborted) : HttpFaults.NodeCutOff;
        if (held.Failed(out var refused))
        {
            return new Turn(refused) { IsFinal = true };
        }

        if (held.Value is { IsClamped: true } clamped && clamped.GrantedOutputTokens < plan.Request.LeastOutputCap)
        {
            clamped.Release();
            return new Turn(GatewayFaults.ThinkingDoesNotFit) { IsFinal = true };
        }

        if (LateRefusal() is { } late)
        {
            // While the hold waited for its lease, or an earlier target for its answer, what was known of the caller may have changed.
            held.Value.Release();
            return new Turn(late) { IsFinal = true };
        }

        var attempt = Begin(target, held.Value, routed.Value, ++_attempts, steps && !held.Value.IsClamped);
        return new Turn(await TryAsync(attempt, held.Value, mayGoOn)) { IsFinal = attempt.MayHaveWorked, IsToRepeat = attempt.IsToRepeat };
    }

    /// <summary>Why nothing may go out any more although the request was let in.</summary>
    private Fault? LateRefusal() => call.Caller.Revoked.IsCancellationRequested ? GatewayFaults.KeyRevoked : parts.Node.IsLive ? null : HttpFaults.NodeCutOff;

    /// <summary>The last look: a connection may have taken seconds to make.</summary>
    private bool MayLeave() => (_withheld = LateRefusal()) is null;

    private async ValueTask<bool> WaitAsync(TimeSpan wait)
    {
        _hasWaited = true;
        await Task.Delay(wait, parts.Clock, call.Aborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !call.Aborted.IsCancellationRequested;
    }

    /// <summary>Answers with a refusal, once the attempts and the use of the credential are on record.</summary>
    public async Task FailAsync(Fault fault)
    {
        if (fault.Status >= 500 && call.Stopping.IsCancellationRequested)
        {
            fault = HttpFaults.NodeStopping;
        }

        _work.Record(fault.Status, fault.Code);
        if (!await parts.FlushAsync(_work, fault.Code == Faults.StorageUnavailable.Code))
        {
            fault = fault.Code == Faults.StorageUnavailable.Code ? fault : Faults.AuditUnavailable;
        }
        else if (_work.IsRevoked)
        {
            fault = GatewayFaults.KeyRevoked;
        }

        await ErrorWriter.WriteAsync(call, fault);
    }

    /// <summary>The client's body is not needed any more: an open stream need not keep it.</summary>
    public void ReleaseBody() => body.Dispose();

    /// <summary>Status and headers of an answer that is about to be served.</summary>
    public void WriteHead(HttpResponseMessage answer, Route route, int status)
    {
        var response = call.Http.Response;
        response.StatusCode = status;
        Copy(answer.Headers, response);
        Copy(answer.Content.Headers, response);
        RetryAfter.Bound(response.Headers, parts.Clock.GetUtcNow());
        plan.Format.WriteHead(response.Headers, parts.Clock.GetElapsedTime(_started));
        if (route.Carried is { Hints.Count: > 0 } carried)
        {
            response.Headers["X-Crew-Not-Carried"] = string.Join(", ", carried.Hints);
        }

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

    private PhysicalAttempt Begin(Target target, Hold hold, Route route, int number, bool inSteps)
    {
        try
        {
            return new PhysicalAttempt(Facts, target, hold, plan.SettlementFor(target, hold), number, parts.Clock)
            {
                Route = route,
                Steps = inSteps ? new OutputSteps(parts.Ledger, hold, plan.Hold, target.Provider.CancelMarginTokens!.Value, parts.Clock) : null,
            };
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
            if ((status >= 500 || status == 429) && HasFailed(attempt, answer, mayGoOn))
            {
                attempt.Settle(_work, Metered.Nothing, status, "upstream_error");
                return GatewayFaults.ProviderUnavailable;
            }

            if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            {
                attempt.Blame();
                attempt.Settle(_work, Metered.Nothing, status, "credentials_rejected");
                return GatewayFaults.CredentialsRejected;
            }

            // What is compressed could be neither read nor searched, and nobody asked for it.
            var type = answer.Content.Headers is { ContentEncoding.Count: 0, ContentType.MediaType: var given } ? given : null;
            if (status == 200 && plan.Format.IsPassThrough && PassThroughFormat.IsFile(type))
            {
                await new FileRelay(this, attempt, answer).RunAsync();
                return null;
            }

            if (status == 200 && (plan.Request.Stream || plan.Format.IsPassThrough) && type == "text/event-stream")
            {
                relays = true;
                return await new StreamRelay(this, attempt, answer).RunAsync(mayGoOn);
            }

            return await new WholeAnswer(this, attempt, answer, mayGoOn).RunAsync();
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

    /// <summary>The target says that it failed. True when that is to be followed by another try, and not to be told.</summary>
    private bool HasFailed(PhysicalAttempt attempt, HttpResponseMessage answer, bool mayGoOn)
    {
        if ((int)answer.StatusCode is 504 or 524)
        {
            // Somebody in between gave up waiting: whoever works may go on, and bill it.
            attempt.Blame();
            attempt.MayHaveWorked = true;
            return false;
        }

        var wait = RetryAfter.Of(answer.Headers, parts.Clock.GetUtcNow());
        attempt.Blame(wait);
        return WorthWaiting(attempt.Target, wait) || mayGoOn;
    }

    /// <summary>Notes a target that will take the call again in a moment; true when that is the best that can be hoped for.</summary>
    private bool WorthWaiting(Target target, TimeSpan? wait)
    {
        if (_hasWaited || wait is not { } asked || asked > TimeSpan.FromSeconds(MostWaitSeconds))
        {
            return false;
        }

        if (_soonest is null || asked < _soonest.Value.Wait)
        {
            _soonest = (target, asked);
        }

        return true;
    }

    private async ValueTask<Outcome<HttpResponseMessage>> SendAsync(PhysicalAttempt attempt, Hold hold)
    {
        _withheld = null;
        using var request = Build(attempt.Target, attempt.Route, hold);
        var stops = plan.Request.Stream && attempt.CancelEndsBill;
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
            var (fault, wasSent) = _withheld is { } withheld ? (withheld, false) : SendFailure.Judge(failed, attempt);
            var metered = !wasSent ? Metered.Nothing
                : attempt.WasBrokenOff && stops ? attempt.Settlement.OfCut(null, 0) : attempt.Settlement.OfBreak(null, 0);
            attempt.MayHaveWorked = wasSent;
            if (_withheld is null)
            {
                attempt.Blame();
            }

            attempt.Settle(_work, metered, fault.Status, attempt.WasBrokenOff ? "client_closed" : fault.Code);
            return fault;
        }
    }

    private HttpRequestMessage Build(Target target, Route route, Hold hold)
    {
        var spliced = body.Lend(plan.BodyFor(route, body.Sequence, target, hold));
        var request = new HttpRequestMessage(HttpMethod.Post, Address(target, route))
        {
            // HTTP/2 where the provider offers it in the handshake (ALPN), HTTP/1.1 elsewhere and on plain connections.
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = plan.Request.FormType is { } form ? spliced.ToContent(form, MayLeaveOf, this) : spliced.ToContent(mayLeave: MayLeaveOf, of: this),
        };
        if (target.Provider.Credential is { } credential)
        {
            request.Headers.TryAddWithoutValidation(target.Provider.CredentialHeader, credential);
        }

        foreach (var (name, values) in call.Http.Request.Headers)
        {
            if (route.PassesToProvider(name) && HeaderValue.IsSafe(values.ToString()))
            {
                request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        route.Format.Complete(request.Headers);
        return request;
    }

    private Uri Address(Target target, Route route)
    {
        var address = target.Provider.UriOf(route.Format.Operation, target.UpstreamModel)!;
        var query = call.Http.Request.QueryString.Value;
        return string.IsNullOrEmpty(query) || route.Carried is not null || !plan.Format.PassesQuery(query) ? address : new Uri(address + query);
    }

    /// <summary>How one target's turn ended; without a failure the client has its answer.</summary>
    private readonly record struct Turn(Fault? Failed)
    {
        public bool IsAnswered => Failed is null;

        /// <summary>Nothing was tried there.</summary>
        public bool WasSkipped { get; init; }

        /// <summary>The same target is to be asked once more.</summary>
        public bool IsToRepeat { get; init; }

        /// <summary>No other target would fare better, or it might bill the same work once more.</summary>
        public bool IsFinal { get; init; }
    }
}

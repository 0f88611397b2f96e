using System.Buffers;
using System.Net.Http.Headers;
using Crew.Kernel;

namespace Crew.Sealing.Egress;

/// <summary>A response that was read whole, or as far as the limit went.</summary>
/// <param name="Status">HTTP status; redirects come as they are.</param>
/// <param name="Headers">Headers of the response.</param>
/// <param name="ContentHeaders">Headers of its content.</param>
/// <param name="Body">The body as it was sent, never decompressed.</param>
/// <param name="IsBodyCut">Whether the body was longer than the limit.</param>
public sealed record EgressResponse(
    int Status, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders, ReadOnlyMemory<byte> Body, bool IsBodyCut);

/// <summary>
/// One outbound call with an answer of bounded size in bounded time, as webhooks, crawlers and single sign-on make it. Refusals and
/// failures are values: <c>egress_refused</c>, <c>egress_failed</c>, <c>egress_proxy_refused</c>, <c>egress_timeout</c>.
/// </summary>
public sealed class GuardedClient(
    GuardedHandlerFactory factory, EgressPurpose purpose, EgressLimits limits, TimeProvider clock, ClientIdentity? identity = null)
    : IDisposable
{
    private readonly HttpMessageInvoker _invoker = factory.Create(purpose, limits, identity);

    /// <summary>Sends a request, which stays its caller's to dispose. Only cancelling <paramref name="cancel"/> throws.</summary>
    public async Task<Outcome<EgressResponse>> Send(HttpRequestMessage request, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(limits.TotalTimeoutSeconds), clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        try
        {
            using var response = await _invoker.SendAsync(request, either.Token);
            var (body, isCut) = await Read(response.Content, either.Token);
            return new EgressResponse((int)response.StatusCode, response.Headers, response.Content.Headers, body, isCut);
        }
        catch (EgressRefusedException refused)
        {
            return refused.Refusal.ToFault();
        }
        catch (EgressTunnelException unopened)
        {
            return EgressFaults.ProxyRefused(unopened.Status);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return EgressFaults.TimedOut;
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException)
        {
            return EgressFaults.Failed;
        }
    }

    public void Dispose() => _invoker.Dispose();

    private async Task<(ReadOnlyMemory<byte> Body, bool IsCut)> Read(HttpContent content, CancellationToken cancel)
    {
        await using var stream = await content.ReadAsStreamAsync(cancel);
        var body = new ArrayBufferWriter<byte>();
        while (true)
        {
            // One byte more than allowed tells a body that just fits from one that is too long.
            var left = limits.MaxResponseBodyBytes - body.WrittenCount + 1;
            var read = await stream.ReadAsync(body.GetMemory()[..Math.Min(left, body.FreeCapacity)], cancel);
            if (read == 0)
            {
                return (body.WrittenMemory, false);
            }

            body.Advance(read);
            if (body.WrittenCount > limits.MaxResponseBodyBytes)
            {
                return (body.WrittenMemory[..limits.MaxResponseBodyBytes], true);
            }
        }
    }
}

using System.Reflection;
using System.Text.Json;
using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;

namespace Crew.Http;

/// <summary>
/// What a slice answers: data in the envelope, or a refusal. Before its first byte leaves, the record of the credential's use
/// is durable (in the slice's own transaction, or appended here); when it cannot be, nothing is served.
/// </summary>
public sealed class Reply<T> : IResult, IEndpointMetadataProvider
{
    private readonly T? _data;
    private readonly Fault? _fault;

    private Reply(T? data, Fault? fault) => (_data, _fault) = (data, fault);

    public int Status { get; init; } = 200;

    /// <summary>Version of the thing, sent as ETag.</summary>
    public long? Version { get; init; }

    /// <summary>The answer shows a secret, so no idempotency store keeps it.</summary>
    public bool HoldsSecret { get; init; }

    public static implicit operator Reply<T>(T data) => new(data, null);

    public static implicit operator Reply<T>(Fault fault) => new(default, fault);

    public static implicit operator Reply<T>(Outcome<T> outcome) => outcome.Failed(out var fault) ? new Reply<T>(default, fault) : new Reply<T>(outcome.Value, null);

    public static Reply<T> Created(T data, long? version = null, bool holdsSecret = false) =>
        new(data, null) { Status = 201, Version = version, HoldsSecret = holdsSecret };

    public static Reply<T> Accepted(T data) => new(data, null) { Status = 202 };

    /// <summary>Shows a secret that is in this answer and never again.</summary>
    public static Reply<T> Secret(T data) => new(data, null) { HoldsSecret = true };

    public static Reply<T> Ok(T data, long? version) => new(data, null) { Version = version };

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var call = Call.Of(httpContext);
        if (_fault is not null)
        {
            await ErrorWriter.RefuseAsync(call, _fault);
            return;
        }

        if (Version is { } version && HttpMethods.IsGet(httpContext.Request.Method)
            && httpContext.Request.Headers.IfNoneMatch.ToString() == Call.ETagOf(version))
        {
            await ReplyWriter.WriteAsync(call, 304, null, null);
            return;
        }

        var body = _data is PageReply page ? page.ToBytes() : JsonSerializer.SerializeToUtf8Bytes(new Envelope<T>(true, _data!), ApiJson.Options);
        if (Version is { } shown)
        {
            httpContext.Response.Headers.ETag = Call.ETagOf(shown);
        }

        await ReplyWriter.WriteAsync(call, Status, "application/json; charset=utf-8", body, HoldsSecret);
    }

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder)
    {
        var type = typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(PageReply<>)
            ? typeof(ListEnvelope<>).MakeGenericType(typeof(T).GetGenericArguments())
            : typeof(Envelope<T>);
        builder.Metadata.Add(new ProducesResponseTypeMetadata(StatusCodes.Status200OK, type, ["application/json"]));
    }
}

/// <summary>Marks a route whose success is 201, for the OpenAPI document.</summary>
public sealed record CreatedRoute;

/// <summary>Marks a route whose success is 202, for the OpenAPI document.</summary>
public sealed record AcceptedRoute;

/// <summary>A route that takes smaller bodies than the 32 MiB of all others.</summary>
public sealed record BodyLimit(long? MaxRequestBodySize) : IRequestSizeLimitMetadata;

/// <summary>A list answer, whatever its items are.</summary>
public abstract record PageReply
{
    internal abstract byte[] ToBytes();
}

/// <summary>A list answer.</summary>
public sealed record PageReply<T>(Page<T> Page) : PageReply
{
    internal override byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(
        new ListEnvelope<T>(true, Page.Items, new Pagination(Page.NextCursor, Page.NextCursor is not null)), ApiJson.Options);
}

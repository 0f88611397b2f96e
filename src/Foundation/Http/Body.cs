using System.Reflection;
using System.Text.Json;
using Crew.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;

namespace Crew.Http;

/// <summary>
/// The type of a route's body, for the document. Not the framework's own metadata: with that, routing would refuse another content
/// type by itself, before anybody is authenticated and in no dialect of ours.
/// </summary>
public sealed record BodyShape(Type Type);

/// <summary>
/// The JSON body of a management request, read strictly: unknown and repeated fields, wrong types, U+0000 and broken UTF-8 are
/// each refused with a sentence that names the place. Handlers ask <see cref="Fault"/> first.
/// </summary>
public sealed class Body<T> : IEndpointParameterMetadataProvider
    where T : class
{
    private readonly T? _value;

    private Body(T? value, Fault? fault) => (_value, Fault) = (value, fault);

    public Fault? Fault { get; }

    public T Value => _value ?? throw new InvalidOperationException("The body was refused.");

    public static async ValueTask<Body<T>?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var request = context.Request;
        var length = request.ContentLength;
        if (length is not 0 && !IsJson(request.ContentType) && !(length is null && request.ContentType is null))
        {
            return new Body<T>(null, HttpFaults.UnsupportedMediaType);
        }

        try
        {
            using var buffer = new MemoryStream((int)Math.Min(length ?? 0, 1 << 20));
            await request.Body.CopyToAsync(buffer, context.RequestAborted);
            var bytes = buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
            return bytes.Span.Trim(" \t\r\n"u8).IsEmpty ? Parse("{}"u8) : Parse(bytes.Span);
        }
        catch (BadHttpRequestException error)
        {
            return new Body<T>(null, error.StatusCode == 413
                ? HttpFaults.BodyTooLarge
                : HttpFaults.InvalidJson("The body ended early or was not well-formed HTTP."));
        }
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new BodyShape(typeof(T)));

    private static bool IsJson(string? contentType)
    {
        var type = (contentType ?? "").Split(';')[0].Trim();
        return type.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    private static Body<T> Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, ApiJson.Options) is { } value
                ? new Body<T>(value, null)
                : new Body<T>(null, HttpFaults.InvalidJson("The body is JSON null. Send an object."));
        }
        catch (JsonException error)
        {
            return new Body<T>(null, JsonFaults.Explain(error));
        }
        catch (InvalidOperationException)
        {
            return new Body<T>(null, HttpFaults.InvalidJson("A text in the body holds half of a surrogate pair. Send well-formed Unicode."));
        }
    }
}

using System.Buffers;
using System.Text;
using Crew.Gateway.Forwarding;
using Crew.Kernel;

namespace Crew.Gateway.Dialects.OpenAi;

/// <summary>Finds the model, and whether a stream is asked for, in a form (multipart/form-data, RFC 7578). Files are passed over, never read.</summary>
internal static class FormScan
{
    private const int MaximumBoundaryBytes = 72;
    private const int MaximumParts = 1_000;
    private const int MaximumHeadBytes = 8_192;

    /// <summary>RFC 2046 section 5.1.1.</summary>
    private static readonly SearchValues<byte> Boundary =
        SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+_,-./:=? "u8);

    public static bool IsForm(string? contentType) => contentType is not null && HeaderValue.IsSafe(contentType)
        && contentType.AsSpan().TrimStart().StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Reads a form by the boundary of its first line, which is then also the one that the provider is told: one that the client named beside
    /// it could make the provider find another form in the same bytes.
    /// </summary>
    public static Outcome<InferenceRequest> Read(ReadOnlySpan<byte> body)
    {
        var line = body.IndexOf("\r\n"u8);
        if (line is < 3 or > MaximumBoundaryBytes || body[2..line].ContainsAnyExcept(Boundary) || body[line - 1] == ' ')
        {
            return Broken(0);
        }

        // The first line is the boundary; behind a line end it parts the form.
        Span<byte> delimiter = stackalloc byte[line + 2];
        "\r\n"u8.CopyTo(delimiter);
        body[..line].CopyTo(delimiter[2..]);
        (string? Model, ByteRange At, FlagField? Stream) found = default;
        var start = line + 2;
        for (var part = 0; part < MaximumParts; part++)
        {
            var head = body[start..Math.Min(start + MaximumHeadBytes, body.Length)].IndexOf("\r\n\r\n"u8);
            if (head < 0 || FormHead.Read(body.Slice(start, head)) is not { } said)
            {
                return Broken(start);
            }

            var value = start + head + 4;
            var length = body[value..].IndexOf(delimiter);

            // A boundary that does not stand where one belongs is one for a reader that is less strict.
            if (length < 0 || body.Slice(start, value - start + length).IndexOf(delimiter[2..]) >= 0)
            {
                return Broken(value);
            }

            if (Take(said, body, new ByteRange(value, length), ref found) is { } wrong)
            {
                return wrong;
            }

            var rest = body[(value + length + delimiter.Length)..];
            if (rest.StartsWith("--"u8))
            {
                return rest.Length > 2 && !rest[2..].SequenceEqual("\r\n"u8) ? Broken(body.Length - rest.Length)
                    : found.Model is null ? GatewayFaults.MissingField("model")
                    : new InferenceRequest
                    {
                        Model = found.Model, ModelAt = found.At, RootAt = 0, BodyBytes = body.Length, StreamField = found.Stream,
                        FormType = $"multipart/form-data; boundary=\"{Encoding.ASCII.GetString(body[2..line])}\"",
                    };
            }

            if (!rest.StartsWith("\r\n"u8))
            {
                return Broken(value + length);
            }

            start = value + length + delimiter.Length + 2;
        }

        return Broken(start);
    }

    private static Fault? Take(FormHead head, ReadOnlySpan<byte> body, ByteRange at, ref (string? Model, ByteRange At, FlagField? Stream) found)
    {
        if (ModelScan.CheckName(head.Name, at.Start) is { } wrong)
        {
            return wrong;
        }

        if (head.Name is not ("model" or "stream"))
        {
            return null;
        }

        if (head.IsFile || head.IsEncoded)
        {
            return Broken(at.Start);
        }

        if ((head.Name == "model" && found.Model is not null) || (head.Name == "stream" && found.Stream is not null))
        {
            return GatewayFaults.RepeatedField(head.Name, at.Start);
        }

        var value = at.Length <= RequestScan.MaxModelCharacters ? Encoding.UTF8.GetString(body.Slice(at.Start, at.Length)) : "";
        if (head.Name == "stream")
        {
            found.Stream = new FlagField(value == "true", at);
            return null;
        }

        (found.Model, found.At) = (value, at);
        return RequestScan.IsModelName(value) ? null : GatewayFaults.Field("model", at.Start, RequestScan.ModelRule);
    }

    private static Fault Broken(int offset) => Faults.Invalid("body",
        $"The form is not well-formed multipart/form-data at byte offset {offset}. Let your client library write it.").With("offset", offset);
}

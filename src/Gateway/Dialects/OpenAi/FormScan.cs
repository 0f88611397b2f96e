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

    public static bool IsForm(string? contentType) => contentType is not null && HeaderValue.IsSafe(contentType)
        && contentType.AsSpan().TrimStart().StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase);

    public static Outcome<InferenceRequest> Read(ReadOnlySpan<byte> body)
    {
        var line = body.IndexOf("\r\n"u8);
        if (line is < 3 or > MaximumBoundaryBytes)
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
            if (head < 0)
            {
                return Broken(start);
            }

            var value = start + head + 4;
            var length = body[value..].IndexOf(delimiter);
            if (length < 0)
            {
                return Broken(value);
            }

            if (Take(NameOf(body.Slice(start, head)), body, new ByteRange(value, length), ref found) is { } wrong)
            {
                return wrong;
            }

            var rest = body[(value + length + delimiter.Length)..];
            if (rest.StartsWith("--"u8))
            {
                return found.Model is null ? GatewayFaults.MissingField("model")
                    : new InferenceRequest
                    {
                        Model = found.Model, ModelAt = found.At, RootAt = 0, BodyBytes = body.Length, StreamField = found.Stream, IsForm = true,
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

    private static Fault? Take(string name, ReadOnlySpan<byte> body, ByteRange at, ref (string? Model, ByteRange At, FlagField? Stream) found)
    {
        if (name is not ("model" or "stream"))
        {
            return null;
        }

        if ((name == "model" && found.Model is not null) || (name == "stream" && found.Stream is not null))
        {
            return GatewayFaults.RepeatedField(name, at.Start);
        }

        var value = at.Length <= RequestScan.MaxModelCharacters ? Encoding.UTF8.GetString(body.Slice(at.Start, at.Length)) : "";
        if (name == "stream")
        {
            found.Stream = new FlagField(value == "true", at);
            return null;
        }

        (found.Model, found.At) = (value, at);
        return RequestScan.IsModelName(value) ? null : GatewayFaults.Field("model", at.Start, RequestScan.ModelRule);
    }

    /// <summary>The field that a part's head names; empty for files and for heads that name none.</summary>
    private static string NameOf(ReadOnlySpan<byte> head)
    {
        foreach (var line in Encoding.Latin1.GetString(head).Split("\r\n"))
        {
            if (!line.StartsWith("Content-Disposition:", StringComparison.OrdinalIgnoreCase) || line.Contains("filename", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            var at = line.IndexOf("name=", StringComparison.OrdinalIgnoreCase);
            return at < 0 ? "" : line[(at + 5)..].Split(';')[0].Trim().Trim('"');
        }

        return "";
    }

    private static Fault Broken(int offset) => Faults.Invalid("body",
        $"The form is not well-formed multipart/form-data at byte offset {offset}. Let your client library write it.").With("offset", offset);
}

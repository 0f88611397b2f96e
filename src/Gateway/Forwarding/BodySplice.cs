using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Crew.Gateway.Dialects;

namespace Crew.Gateway.Forwarding;

/// <summary>
/// Builds the upstream body by exchanging a few byte ranges. Parsing and writing the JSON anew would change numbers, key order
/// and escapes, which breaks prompt caches and signatures, and would cost a copy of a body that may be megabytes long.
/// </summary>
internal static class BodySplice
{
    /// <param name="body">The client's body; the result refers to its memory, which must live until the request has been sent.</param>
    /// <param name="request">What <see cref="RequestScan"/> found in that body.</param>
    public static SplicedBody Apply(ReadOnlySequence<byte> body, InferenceRequest request, in BodyEdits edits)
    {
        var changes = new List<(ByteRange At, byte[] Bytes)>(5);
        var members = new StringBuilder();

        if (edits.UpstreamModel is { } model && model != request.Model)
        {
            changes.Add((request.ModelAt, Utf8(request.IsForm ? model : Quote(model))));
        }

        if (edits.ForceUsage && request.Stream)
        {
            AskForUsage(request, changes, members);
        }

        if (edits.OutputCap is { } cap)
        {
            Cap(request, cap, edits.CapField, changes, members);
        }

        if (request.Store is { } store)
        {
            if (store.Value == true || (store.Value is null && edits.ForceStoreFalse))
            {
                changes.Add((store.At, "false"u8.ToArray()));
            }
        }
        else if (edits.ForceStoreFalse)
        {
            Add(members, "\"store\":false");
        }

        if (members.Length > 0)
        {
            // The root object names a model, so members follow and the comma is right.
            members.Append(',');
            changes.Add((new ByteRange(request.RootAt + 1, 0), Utf8(members.ToString())));
        }

        changes.Sort(static (a, b) => a.At.Start.CompareTo(b.At.Start));
        return SplicedBody.Build(body, changes);
    }

    private static void AskForUsage(InferenceRequest request, List<(ByteRange, byte[])> changes, StringBuilder members)
    {
        const string Wish = "\"include_usage\":true";
        if (request.StreamOptions is not { } options)
        {
            Add(members, "\"stream_options\":{" + Wish + "}");
        }
        else if (options.IsNull)
        {
            changes.Add((options.At, Utf8("{" + Wish + "}")));
        }
        else if (options.IncludeUsage is not { } usage)
        {
            changes.Add((new ByteRange(options.At.Start + 1, 0), Utf8(options.IsEmpty ? Wish : Wish + ",")));
        }
        else if (usage.Value != true)
        {
            changes.Add((usage.At, "true"u8.ToArray()));
        }
    }

    private static void Cap(InferenceRequest request, int cap, string capField, List<(ByteRange, byte[])> changes, StringBuilder members)
    {
        var text = cap.ToString(CultureInfo.InvariantCulture);
        if (request.OutputCap is { } wish)
        {
            if (wish > cap)
            {
                Replace(request.MaxTokens);
                Replace(request.MaxCompletionTokens);
            }
        }
        else if ((request.MaxCompletionTokens ?? request.MaxTokens) is { } empty)
        {
            changes.Add((empty.At, Utf8(text)));
        }
        else
        {
            Add(members, Quote(capField) + ":" + text);
        }

        void Replace(NumberField? field)
        {
            if (field is { Value: not null } given)
            {
                changes.Add((given.At, Utf8(text)));
            }
        }
    }

    private static void Add(StringBuilder members, string member) => members.Append(members.Length > 0 ? "," : "").Append(member);

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}

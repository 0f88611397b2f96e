using System.Buffers;
using System.Text.Json;
using Crew.Kernel;
using Crew.Sealing;

namespace Crew.Webhooks.Events;

/// <summary>The texts of an event: its <c>data</c>, and the envelope around it, which is the same to the byte in every attempt.</summary>
internal static class EventText
{
    private static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What an event of a change tells: neither addresses of people nor e-mail, which belong to the audit log.</summary>
    public static byte[] DataOf(Event happened, Actor actor)
    {
        var target = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(target, Options))
        {
            json.WriteStartObject();
            if (happened.Resource is { } resource)
            {
                json.WriteStartObject("resource");
                json.WriteString("type", resource.Type);
                json.WriteString("id", CleanText.Of(resource.Id));
                json.WriteString("name", CleanText.Of(resource.Name));
                json.WriteEndObject();
            }
            else
            {
                json.WriteNull("resource");
            }

            json.WriteStartObject("actor");
            json.WriteString("type", actor.Type);
            json.WriteString("id", CleanText.Of(actor.Id));
            json.WriteEndObject();
            json.WriteString("outcome", happened.Outcome);
            json.WriteString("reason", CleanText.Of(happened.Reason));
            json.WritePropertyName("changes");
            json.WriteRawValue(ChangesText.Of(happened.Changes) ?? "[]", skipInputValidation: true);
            json.WriteEndObject();
        }

        return target.WrittenSpan.ToArray();
    }

    public static byte[] TestData(string webhookId)
    {
        var target = new ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(target, Options))
        {
            json.WriteStartObject();
            json.WriteString("webhook_id", webhookId);
            json.WriteString("message", Catalogue.EventTypes.TestMessage);
            json.WriteEndObject();
        }

        return target.WrittenSpan.ToArray();
    }

    /// <summary>The body of a delivery.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="type">Its name as this subscriber knows it.</param>
    /// <param name="data">Its opened data.</param>
    public static byte[] Envelope(StoredEvent happened, string type, ReadOnlySpan<byte> data)
    {
        var target = new ArrayBufferWriter<byte>(data.Length + 256);
        using (var json = new Utf8JsonWriter(target, Options))
        {
            json.WriteStartObject();
            json.WriteString("id", happened.Id);
            json.WriteString("type", type);
            json.WriteString("created_at", Timestamp.ToText(happened.At));
            json.WriteString("workspace_id", happened.WorkspaceId);
            json.WriteString("crew_id", happened.CrewId);
            json.WritePropertyName("data");
            json.WriteRawValue(data, skipInputValidation: true);
            json.WriteEndObject();
        }

        return target.WrittenSpan.ToArray();
    }
}

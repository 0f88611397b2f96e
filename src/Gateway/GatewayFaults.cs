using Crew.Kernel;

namespace Crew.Gateway;

/// <summary>
/// The refusals of the gateway. Their sentences name fields, positions and remedies, never a word of the request itself:
/// a prompt must not travel into a log by way of an error text.
/// </summary>
internal static class GatewayFaults
{
    public static readonly Fault EmptyBody =
        Json("The request body is empty. Send a JSON object that names at least `model` and `messages`.");

    public static readonly Fault NotAnObject =
        Json("The request body is valid JSON but not an object. Send one JSON object, {…}, at the top level.");

    public static readonly Fault ByteOrderMark =
        Json("The request body begins with a byte order mark. Send plain UTF-8 without it: the first byte is the opening brace.")
            .With("offset", 0);

    public static readonly Fault ConflictingCaps = Faults.Invalid("max_tokens",
        "`max_tokens` and `max_completion_tokens` are both given and differ. Send only one of them, or the same number in both.");

    public static Fault BrokenJson(long line, long byteInLine) =>
        Json($"The request body is not valid JSON: line {line + 1}, byte {byteInLine + 1} of that line cannot stand there. "
            + "Check quotes, commas and brackets at that place, and that nothing follows the closing brace.")
            .With("line", line + 1).With("byte", byteInLine + 1);

    public static Fault NotUtf8(long offset) =>
        Json($"The request body is not valid UTF-8: the byte at offset {offset} does not belong there. Encode the body as UTF-8.")
            .With("offset", offset);

    public static Fault TooDeep(int limit, long offset) =>
        Json($"The request body is nested more than {limit} levels deep at byte offset {offset}. Flatten it below that depth.")
            .With("offset", offset);

    public static Fault RepeatedField(string field, long offset) => new Fault("repeated_field", 400,
        $"The field `{field}` stands in the body a second time, at byte offset {offset}. Two readers could take different values, "
        + "so send it once.").At(field).With("offset", offset);

    public static Fault FieldVariant(string field, long offset) => Faults.Invalid(field,
        $"The field at byte offset {offset} differs from `{field}` only in the case or shape of its letters. Some providers would "
        + $"read it as `{field}`, others would not. Spell it `{field}`, or remove it.").With("offset", offset);

    public static Fault Field(string field, long offset, string rule) =>
        Faults.Invalid(field, $"The field `{field}` (byte offset {offset}) {rule}").With("offset", offset);

    public static Fault MissingField(string field) =>
        Faults.Invalid(field, $"The field `{field}` is missing. Add it at the top level of the body.");

    private static Fault Json(string message) => new("invalid_json", 400, message);
}

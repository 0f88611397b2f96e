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

    /// <summary>Also for models that exist and are not allowed: the answers must not differ.</summary>
    public static readonly Fault ModelNotFound = new Fault("model_not_found", 404,
        "This model does not exist here, or this credential may not call it. GET /v1/models lists the models that it may call.").At("model");

    public static readonly Fault ModelNotPriced = new Fault("model_not_priced", 400,
        "A budget applies to this request and the model has no price, so its cost cannot be counted. Give the model a price, or call one that has.")
        .At("model");

    public static readonly Fault ModelExists = new Fault("model_exists", 409,
        "The catalogue has a model of this id already. Change that one (PATCH), or choose another id.").At("id");

    public static readonly Fault CapNotHonoured = new("cost_not_boundable", 400,
        "A strict budget applies to this request, and the provider of this model has billed more output than it was allowed. "
        + "Call another model, or ask for the budget to be set to tracking.")
    { ShouldRetry = false };

    /// <summary>The provider would refuse an output cap that is not above its thinking budget.</summary>
    public static readonly Fault ThinkingDoesNotFit = new Fault("insufficient_quota", 402,
        "What the budget has left pays for less output than `thinking.budget_tokens` asks for. Lower that number, or wait for the budget's next window.")
    { ShouldRetry = false }.At("thinking.budget_tokens");

    public static readonly Fault ProviderInUse = new("provider_in_use", 409,
        "Models of the catalogue are served by this provider. Remove them or give them other targets first.");

    public static readonly Fault CredentialsRejected = new("provider_credentials_rejected", 502,
        "The provider does not accept the credential that is stored for it. Your own key is fine; "
        + "ask whoever manages the provider to renew its api_key.")
    { ShouldRetry = false };

    public static readonly Fault ProviderUnavailable = new("provider_unavailable", 502,
        "The provider of this model could not be reached, broke off or did not answer as a model provider does. Repeat the request, or call another model.");

    public static readonly Fault ProviderTimeout = new("provider_timeout", 504,
        "The provider of this model did not answer within its time limit. Repeat the request, ask for less output, or stream the answer.");

    /// <summary>The memory for answers in one piece is used up.</summary>
    public static readonly Fault AnswersTooMany = new("answers_too_many", 503,
        "The answers that this server holds at the moment fill the memory that it has for them. Repeat the request in a moment, or stream the answer.")
    { RetryAfterSeconds = 2 };

    /// <summary>As the keys module says it of a key that is dead at the start of a request.</summary>
    public static readonly Fault KeyRevoked = Faults.CredentialRevoked;

    public static readonly Fault OperatorOnly = Faults.Invalid("api_key",
        "env: and file: name places on the server, so only account masters of the first organization may set them. Give the credential itself.");

    public static Fault LimitReached(string limit, string scope, int retryAfterSeconds) => new Fault("rate_limit_exceeded", 429,
        limit == Calls.UsageMeter.Streams
            ? $"As many streams as this {scope} may have at one moment are open. End one, or wait for one to end."
            : $"The tokens of this minute are used up for this {scope}. Wait {retryAfterSeconds} s; retry-after says the same.")
        { RetryAfterSeconds = retryAfterSeconds, Details = new Dictionary<string, object?> { ["scope"] = scope, ["limit"] = limit } };

    public static Fault OrganizationOnly(string permission) => new Fault("insufficient_permissions", 403,
        $"This belongs to the organization, not to a workspace. It takes {permission} at organization level, as organization owners and account masters have it.")
        .With("required", permission);

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

    public static Fault OtherModels(string field, long offset) =>
        Field(field, offset, "names models beside `model`. Leave it out: a model of the catalogue has its fallbacks as targets.");

    /// <summary>Nothing is stored, so nothing can be gone back to.</summary>
    public static Fault NeedsState(string field, long offset) => Faults.Invalid(field,
        $"The field `{field}` (byte offset {offset}) needs responses that a server has stored, and Crew lets none be stored. "
        + "Send the whole conversation as `input`, with `include: [\"reasoning.encrypted_content\"]` where reasoning has to be carried on.")
        .With("offset", offset);

    /// <summary>The request means something that the dialect of the model's provider cannot say.</summary>
    public static Fault NotCarried(string field, string why) => new Fault("not_translatable", 400,
        $"This model's provider speaks another dialect than this endpoint, and `{field}` {why} Leave it out, or call a model whose provider speaks this one.")
        .At(field);

    public static Fault EndpointNotServed(string path) => new Fault("unsupported_endpoint", 400,
        $"The providers of this model do not serve {path}. Call the model at another endpoint, or another model at this one.").At("model");

    public static Fault MissingField(string field) =>
        Faults.Invalid(field, $"The field `{field}` is missing. Add it at the top level of the body.");

    private static Fault Json(string message) => new("invalid_json", 400, message);
}

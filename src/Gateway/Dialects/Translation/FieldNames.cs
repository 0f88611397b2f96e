namespace Crew.Gateway.Dialects.Translation;

/// <summary>What a client's dialect calls the places that another one may not have, so that a refusal names what the client sent.</summary>
/// <param name="Turns">Where the order of parts matters.</param>
/// <param name="Sealed">Reasoning that only its provider can read.</param>
/// <param name="Signature">What its provider signed reasoning with.</param>
/// <param name="Reasoning">Reasoning without a signature.</param>
/// <param name="ResultError">That a tool failed.</param>
/// <param name="ResultContent">What a tool gave back.</param>
internal sealed record FieldNames(
    string Turns, string Sealed, string Signature, string Reasoning, string ResultError, string ResultContent, string Stop, string Cap, string Format, string Verbosity)
{
    public static readonly FieldNames Chat = new("messages[].content", "messages[].reasoning_details", "messages[].reasoning_details",
        "messages[].reasoning_content", "messages[].content", "messages[].content", "stop", "max_tokens", "response_format.type", "verbosity");

    public static readonly FieldNames Messages = new("messages[].content", "messages[].content[].type", "messages[].content[].signature",
        "messages[].content[].thinking", "messages[].content[].is_error", "messages[].content[].content", "stop_sequences", "max_tokens",
        "output_config.format", "output_config.verbosity");

    public static readonly FieldNames Responses = new("input[]", "input[].encrypted_content", "input[].encrypted_content",
        "input[].encrypted_content", "input[].output", "input[].output", "stop", "max_output_tokens", "text.format.type", "text.verbosity");
}

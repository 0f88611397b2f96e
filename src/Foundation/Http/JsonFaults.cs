using System.Text.Json;
using System.Text.RegularExpressions;
using Crew.Kernel;

namespace Crew.Http;

/// <summary>Turns the serialiser's complaints into refusals that name the place and the remedy, without echoing the input.</summary>
internal static partial class JsonFaults
{
    public static Fault Explain(JsonException error)
    {
        if (UnmappedMember().Match(error.Message) is { Success: true } unmapped)
        {
            return HttpFaults.UnknownField(Clip(unmapped.Groups[1].Value));
        }

        var field = (error.Path ?? "").TrimStart('$').TrimStart('.');
        if (error.Message.Contains("duplicate", StringComparison.OrdinalIgnoreCase))
        {
            return new Fault("repeated_field", 400, "A field appears twice in the body. Send each field once.").At(Clip(field));
        }

        var place = error.LineNumber is { } line ? $" (line {line + 1}, byte {(error.BytePositionInLine ?? 0) + 1})" : "";
        if (IsSyntax(error) || field.Length == 0)
        {
            return HttpFaults.InvalidJson($"The body is not the JSON object that is expected here{place}. Check quotes, commas, brackets and nesting.");
        }

        var reason = error.Message.StartsWith("The JSON value could not be converted", StringComparison.Ordinal) || error.Message.Contains("nullable", StringComparison.Ordinal)
            ? "has the wrong type or is null"
            : $"is not valid: {error.Message.Split(" Path:")[0].TrimEnd('.')}";
        return Faults.Invalid(Clip(field), $"The field '{Clip(field)}' {reason}{place}. See /docs for its type.");
    }

    /// <summary>Reader errors mean broken JSON; converter errors have an inner exception or a plain message of ours.</summary>
    private static bool IsSyntax(JsonException error) => error.InnerException is JsonException || error.GetType().Name == "JsonReaderException";

    private static string Clip(string text) => new([.. text.Take(100).Where(c => !char.IsControl(c) && !char.IsSurrogate(c))]);

    [GeneratedRegex("The JSON property '(.*?)' could not be mapped", RegexOptions.Singleline)]
    private static partial Regex UnmappedMember();
}

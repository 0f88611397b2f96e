using System.Text;
using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>
/// CSV (RFC 4180: CRLF, every field in quotes, quotes doubled). A field that a spreadsheet would run as a formula gets an apostrophe in
/// front, because some of these texts come from whoever sent a request.
/// </summary>
public static class Csv
{
    /// <summary>One line, its end included; null is an empty field.</summary>
    public static string Line(IEnumerable<string?> fields) => string.Join(',', fields.Select(Field)) + "\r\n";

    public static string Field(string? text)
    {
        var field = new StringBuilder("\"");
        if (text is { Length: > 0 } && IsFormula(text))
        {
            field.Append('\'');
        }

        return field.Append(text).Replace("\"", "\"\"", 1, field.Length - 1).Append('"').ToString();
    }

    /// <summary>What the OWASP page on CSV injection lists, the full-width forms included, also behind leading spaces.</summary>
    private static bool IsFormula(string text) => text[0] is '\t' or '\r' or '\n'
        || text.AsSpan().TrimStart() is ['=' or '+' or '-' or '@' or '\uFF1D' or '\uFF0B' or '\uFF0D' or '\uFF20' or '|' or '%', ..];
}

/// <summary>A file of bounded size as an answer. As with every answer, the record of the credential's use is durable before its first byte.</summary>
/// <param name="name">What clients save it as.</param>
/// <param name="contentType">Its media type.</param>
/// <param name="body">The whole of it.</param>
public sealed class FileReply(string name, string contentType, byte[] body) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.Headers.CacheControl = "no-store";
        httpContext.Response.Headers.ContentDisposition = $"attachment; filename=\"{name}\"";
        return ReplyWriter.WriteAsync(Call.Of(httpContext), StatusCodes.Status200OK, contentType, body);
    }
}

using System.Reflection;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Http;

/// <summary>The query parameters <c>limit</c> (1 to 100, default 50) and <c>cursor</c> of a list.</summary>
public sealed class Paging
{
    public const int DefaultLimit = 50;
    public const int MaximumLimit = 100;

    /// <summary>The longest position is a model's id with its owner's.</summary>
    private const int MaximumPositionBytes = 384;

    private Paging(int limit, string? cursor, Fault? fault) => (Limit, Cursor, Fault) = (limit, cursor, fault);

    public int Limit { get; }

    /// <summary>The id or position after which the page begins; null is the first page.</summary>
    public string? Cursor { get; }

    public Fault? Fault { get; }

    public static ValueTask<Paging?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var query = context.Request.Query;
        var limit = DefaultLimit;
        if (query.TryGetValue("limit", out var text)
            && (!int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaximumLimit))
        {
            return Value(new Paging(0, null, Faults.Invalid("limit", $"limit must be a whole number from 1 to {MaximumLimit}.")));
        }

        if (query["cursor"].ToString() is not { Length: > 0 } cursor)
        {
            return Value(new Paging(limit, null, null));
        }

        return Value(TryDecode(cursor, out var position)
            ? new Paging(limit, position, null)
            : new Paging(0, null, Faults.Invalid("cursor", "cursor is not one that this API has given. Take it from pagination.next_cursor, unchanged.")));
    }

    /// <summary>Makes the opaque cursor for a position.</summary>
    public static string Encode(string position) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(position)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    private static bool TryDecode(string cursor, out string position)
    {
        position = "";
        var text = cursor.Replace('-', '+').Replace('_', '/');
        Span<byte> bytes = stackalloc byte[MaximumPositionBytes];
        if (text.Length > MaximumPositionBytes * 4 / 3 || !Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), bytes, out var length))
        {
            return false;
        }

        position = System.Text.Encoding.UTF8.GetString(bytes[..length]);
        return position.All(c => c is > ' ' and < (char)127);
    }

    private static ValueTask<Paging?> Value(Paging paging) => ValueTask.FromResult<Paging?>(paging);
}

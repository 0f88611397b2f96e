using Crew.Http;
using System.Reflection;
using Crew.Kernel;
using Microsoft.AspNetCore.Http;

namespace Crew.Spend;

/// <summary>The query parameter <c>group_by</c>: any of key, model, crew, user, provider, day, separated by commas.</summary>
internal sealed class UsageGrouping
{
    private static readonly string[] Words = ["key", "model", "crew", "user", "provider", "day"];

    /// <summary>As the reference shows it.</summary>
    public static readonly QueryParameter Described = new("group_by", "Any of key, model, crew, user, provider and day, comma-separated. Days are UTC days.");

    private readonly HashSet<string> _by;

    private UsageGrouping(HashSet<string> by, Fault? fault) => (_by, Fault) = (by, fault);

    public Fault? Fault { get; }

    public bool ByKey => _by.Contains("key");

    public bool ByModel => _by.Contains("model");

    public bool ByCrew => _by.Contains("crew");

    public bool ByUser => _by.Contains("user");

    public bool ByProvider => _by.Contains("provider");

    public bool ByDay => _by.Contains("day");

    public static ValueTask<UsageGrouping?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var words = context.Request.Query["group_by"].ToString().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return ValueTask.FromResult<UsageGrouping?>(words.All(w => Words.Contains(w))
            ? new UsageGrouping([.. words], null)
            : new UsageGrouping([], Faults.Invalid("group_by", $"group_by takes {string.Join(", ", Words)}, separated by commas.")));
    }
}

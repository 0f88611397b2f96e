namespace Crew.Storage;

/// <summary>How grave a finding is.</summary>
public enum FindingLevel
{
    Ok,
    Warning,
    Failed,
}

/// <summary>One thing that was looked at: what it is called, how it stands, and how to mend it (null where nothing is to mend).</summary>
public sealed record StoreFinding(string Name, FindingLevel Level, string Message, string? Mend = null);

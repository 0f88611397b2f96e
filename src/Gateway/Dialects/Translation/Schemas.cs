namespace Crew.Gateway.Dialects.Translation;

/// <summary>Schemas of tools.</summary>
internal static class Schemas
{
    /// <summary>Of a tool that takes no arguments.</summary>
    public const string Empty = """{"type":"object","properties":{}}""";
}

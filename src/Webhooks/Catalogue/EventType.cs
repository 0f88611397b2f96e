using System.Text.Json.Nodes;
using Crew.Kernel;

namespace Crew.Webhooks.Catalogue;

/// <summary>Whose thing an event is about.</summary>
internal enum EventLevel
{
    /// <summary>The workspace's own. Such an event may still name the crew that it touches.</summary>
    Workspace,

    /// <summary>One crew's.</summary>
    Crew,
}

/// <summary>One kind of event: its name, who may read it, and what its <c>data</c> looks like.</summary>
/// <param name="Name">The canonical, dotted name.</param>
/// <param name="Description">What has happened.</param>
/// <param name="Reads">The permission that whoever receives it must have.</param>
/// <param name="Level">Whose thing it is about.</param>
/// <param name="Resource">The type of thing that <c>data.resource</c> names.</param>
internal sealed record EventType(string Name, string Description, Permission Reads, EventLevel Level, string Resource)
{
    /// <summary>The version of <c>data</c>'s shape; fields are added without raising it.</summary>
    public int Version { get; init; } = 1;

    /// <summary>Other names of the documentation: a subscription by one gets it as <c>type</c>.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Why nothing raises it yet; null for those that are raised.</summary>
    public string? Waits { get; init; }

    public bool IsRaised => Waits is null;

    /// <summary>JSON Schema (draft 2020-12) of <c>data</c>.</summary>
    public JsonObject Schema() => EventShape.Schema(this);

    /// <summary>A whole event as a receiver gets it.</summary>
    public JsonObject Example() => EventShape.Example(this);
}

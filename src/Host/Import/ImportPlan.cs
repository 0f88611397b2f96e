using System.Globalization;
using Crew.Gateway.Contracts;
using Crew.Keys.Contracts;

namespace Crew.Host.Import;

/// <summary>Something of the other product's files that does not come along. Names places and settings, never their values: those may be secrets.</summary>
/// <param name="Place">Where it stands, such as <c>model_list[2] (gpt-4o).litellm_params.api_key</c>.</param>
/// <param name="Reason">Why it does not, and what to do about it.</param>
internal sealed record LeftBehind(string Place, string Reason);

/// <summary>What is to be made, and what cannot be. Made before anything is written.</summary>
internal sealed class ImportPlan
{
    public List<CatalogueProvider> Providers { get; } = [];

    public List<CatalogueEntry> Models { get; } = [];

    public List<ImportedKey> Keys { get; } = [];

    public List<LeftBehind> Left { get; } = [];

    public void Leave(string place, string reason) => Left.Add(new LeftBehind(place, reason));
}

/// <summary>A chain of mapping keys and list positions, for reports.</summary>
internal readonly record struct Place(string Text)
{
    public Place In(string key) => new(Text.Length == 0 ? key : $"{Text}.{key}");

    public Place At(int index) => new(string.Create(CultureInfo.InvariantCulture, $"{Text}[{index}]"));

    public Place Named(string name) => new($"{Text} ({name})");

    public override string ToString() => Text;
}

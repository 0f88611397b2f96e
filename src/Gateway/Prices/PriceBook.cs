using Crew.Gateway.Models;
using Crew.Gateway.Providers;

namespace Crew.Gateway.Prices;

/// <summary>Prices by the names of models, and what of their source could not be read.</summary>
internal sealed class PriceBook
{
    /// <summary>More lines than any list has; LiteLLM's has some three thousand.</summary>
    private const int MaximumModels = 20_000;

    private readonly Dictionary<string, PricedModel> _models = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _broken = new(StringComparer.Ordinal);

    /// <summary>How many prices it has.</summary>
    public int Count => _models.Count;

    /// <summary>The lists that come with the program.</summary>
    public static PriceBook BuiltIn()
    {
        var book = new PriceBook();
        foreach (var kind in new[] { Provider.OpenAi, Provider.Anthropic })
        {
            book.Add(PriceFile.BuiltIn(kind).Models!);
        }

        return book;
    }

    public void Add(IEnumerable<PricedModel?> models)
    {
        foreach (var model in models.Take(MaximumModels))
        {
            if (model?.Id is not { } id)
            {
                continue;
            }

            var wrong = model.Prices().Fault ?? ModelDraft.Limits(model.ContextWindow, model.MaxOutputTokens, model.MaxImageTokens);
            if (wrong is not null)
            {
                _broken[id] = wrong.Message;
            }
            else if (model.Prices().Value is not null)
            {
                _models[id] = model;
            }
        }
    }

    public void Leave(string id, string reason) => _broken[id] = reason;

    /// <summary>Why a line of this name could not be read; null where there is none or it could.</summary>
    public string? ReasonOf(string name) => Names(name).Select(n => _broken.GetValueOrDefault(n)).FirstOrDefault(r => r is not null);

    /// <summary>The line of a model: of its own name, or of the name without the date of a snapshot.</summary>
    public PricedModel? Find(string name) => Names(name).Select(n => _models.GetValueOrDefault(n)).FirstOrDefault(m => m is not null);

    private static IEnumerable<string> Names(string name)
    {
        yield return name;
        if (Undated(name) is { } plain)
        {
            yield return plain;
        }
    }

    /// <summary><c>gpt-5-2025-08-07</c> and <c>claude-opus-4-5-20251101</c> cost what they cost without the date.</summary>
    private static string? Undated(string name)
    {
        foreach (var form in new[] { "-dddd-dd-dd", "-dddddddd" })
        {
            if (name.Length > form.Length && name[^form.Length..].Zip(form, static (c, f) => f == 'd' ? char.IsAsciiDigit(c) : c == f).All(static fits => fits))
            {
                return name[..^form.Length];
            }
        }

        return null;
    }
}

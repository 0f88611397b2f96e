using System.Globalization;
using Crew.Gateway.Contracts;
using Crew.Kernel;
using YamlDotNet.RepresentationModel;

namespace Crew.Host.Import;

/// <summary>Reads LiteLLM's <c>config.yaml</c> into a plan. What is not carried is reported by its place, with the reason.</summary>
internal sealed class LiteLlmConfig(ImportPlan plan)
{
    private const string EnvironmentMark = "os.environ/";
    private const int MaximumWeight = 1_000;
    private const int MaximumCost = 1_000;
    private const string InputCost = "input_cost_per_token";
    private const string OutputCost = "output_cost_per_token";

    /// <summary>Why well-known settings have nothing here that they would become.</summary>
    private static readonly Dictionary<string, string> _reasons = new(StringComparer.Ordinal)
    {
        ["master_key"] = "Crew has master keys of its own (crew keys create)",
        ["database_url"] = "Crew keeps its own database",
        ["cache"] = "Crew stores no prompts and answers, so it caches none",
        ["cache_params"] = "Crew stores no prompts and answers, so it caches none",
        ["callbacks"] = "Crew sends no content to logging services; usage is at /v1/gateway/usage",
        ["success_callback"] = "Crew sends no content to logging services; usage is at /v1/gateway/usage",
        ["failure_callback"] = "Crew sends no content to logging services; usage is at /v1/gateway/usage",
        ["drop_params"] = "requests pass as they came; what a provider refuses is its answer",
        ["routing_strategy"] = "targets are chosen by priority, weight, health and latency",
        ["num_retries"] = "each target is tried at most once a request",
        ["redis_host"] = "nodes share PostgreSQL only",
        ["redis_url"] = "nodes share PostgreSQL only",
        ["rpm"] = "provider-side limits are the provider's to enforce; where every deployment of a model has one, they became weights",
        ["tpm"] = "provider-side limits are the provider's to enforce",
        ["max_budget"] = "set a budget on the provider's workspace or crew instead",
        ["custom_auth"] = "code does not come along",
        ["include"] = "import each of those files by itself",
        ["environment_variables"] = "keys that api_key names (os.environ/NAME) are taken from it; set other variables for the server itself",
        ["credential_list"] = "credentials that models name are taken from it",
        ["litellm_credential_name"] = "credential_list has no such credential",
    };

    private static readonly HashSet<string> _knownParameters = new(StringComparer.Ordinal)
    {
        "model", "custom_llm_provider", "api_key", "api_base", "base_url", "api_version", "weight", "order",
    };

    private static readonly HashSet<string> _knownFacts = new(StringComparer.Ordinal)
    {
        "id", "mode", "base_model", "max_tokens", "max_input_tokens", "max_output_tokens",
    };

    private readonly List<Deployment> _deployments = [];
    private YamlMappingNode? _variables;
    private List<YamlMappingNode> _credentials = [];

    public void Read(YamlMappingNode root)
    {
        _variables = root.Mapping("environment_variables");
        _credentials = [.. root.List("credential_list").OfType<YamlMappingNode>()];
        var index = 0;
        foreach (var entry in root.List("model_list"))
        {
            ReadDeployment(entry as YamlMappingNode, new Place("model_list").At(index++));
        }

        foreach (var (alias, group) in root.Mapping("router_settings").Mapping("model_group_alias").Entries())
        {
            AddAlias(alias, group, new Place("router_settings.model_group_alias"));
        }

        foreach (var group in _deployments.GroupBy(d => d.Name))
        {
            plan.Models.Add(ModelOf(group.Key, [.. group]));
        }

        foreach (var section in new[] { "litellm_settings", "router_settings" })
        {
            ReadFallbacks(root.Mapping(section), new Place(section));
        }

        LeaveRest(root);
    }

    private void ReadDeployment(YamlMappingNode? entry, Place place)
    {
        var (settings, facts) = (entry.Mapping("litellm_params"), entry.Mapping("model_info"));
        if (entry.Text("model_name") is not { } name || settings.Text("model") is not { } model)
        {
            plan.Leave(place.Text, "it has no model_name or no litellm_params.model");
            return;
        }

        place = place.Named(name);
        if (name.Contains('*', StringComparison.Ordinal) || model.Contains('*', StringComparison.Ordinal))
        {
            plan.Leave(place.Text, "a wildcard has no price, and an unknown price is never free; add the models that are really called");
            return;
        }

        var stored = settings.Text("litellm_credential_name") is { } credential
            ? _credentials.Find(c => c.Text("credential_name") == credential).Mapping("credential_values") : null;
        var address = Resolve(settings.Text("api_base") ?? settings.Text("base_url") ?? stored.Text("api_base"));
        var (vendor, upstream, problem) = LiteLlmVendors.Of(model, settings.Text("custom_llm_provider"), address.Value is not null);
        if (address.IsMissing || vendor is null)
        {
            plan.Leave(place.Text, problem ?? "its api_base stands in a variable that is not set here");
            return;
        }

        if ((address.Value ?? vendor.BaseUrl) is not { } baseUrl)
        {
            plan.Leave(place.Text, "it has no api_base, and this vendor has no address that is everybody's");
            return;
        }

        var provider = ProviderOf(vendor, Complete(baseUrl, vendor), settings, stored, place);
        _deployments.Add(new Deployment(name, provider, upstream, settings, facts, place));
        LeaveUnknown(entry, ["model_name", "litellm_params", "model_info"], place);
        LeaveUnknown(settings, stored is null ? _knownParameters : [.. _knownParameters, "litellm_credential_name"], place.In("litellm_params"));
        LeaveUnknown(facts, _knownFacts, place.In("model_info"));
    }

    /// <summary>The position of the provider among those of the plan; one for each address and credential.</summary>
    private int ProviderOf(Vendor vendor, string baseUrl, YamlMappingNode? settings, YamlMappingNode? stored, Place place)
    {
        var credential = (settings.Text("api_key") ?? stored.Text("api_key")) is { } given ? Credential(given, place) : Implied(vendor);
        var version = settings.Text("api_version") ?? stored.Text("api_version");
        var known = plan.Providers.FindIndex(p => p.Kind == vendor.Kind && p.BaseUrl == baseUrl && p.ApiVersion == version
            && p.Credential?.Reveal() == credential?.Reveal());
        if (known >= 0)
        {
            return known;
        }

        var twins = plan.Providers.Count(p => p.Name == vendor.Name || p.Name.StartsWith(vendor.Name + " ", StringComparison.Ordinal));
        var name = twins == 0 ? vendor.Name : string.Create(CultureInfo.InvariantCulture, $"{vendor.Name} {twins + 1}");
        plan.Providers.Add(new CatalogueProvider(name, vendor.Kind, baseUrl, credential, version));
        return plan.Providers.Count - 1;
    }

    private SecretText? Credential(string given, Place place)
    {
        if (!given.StartsWith(EnvironmentMark, StringComparison.Ordinal))
        {
            return new SecretText(given);
        }

        if (_variables.Text(given[EnvironmentMark.Length..]) is { } inFile && !inFile.StartsWith(EnvironmentMark, StringComparison.Ordinal))
        {
            return new SecretText(inFile);
        }

        var reference = $"env:{given[EnvironmentMark.Length..]}";
        if (CatalogueImport.MayRefer(reference))
        {
            return new SecretText(reference);
        }

        plan.Leave(place.In("litellm_params.api_key").Text,
            "variables that hold providers' keys end in _API_KEY and do not begin with CREW_; rename it, and set the provider's api_key to env:NAME");
        return null;
    }

    /// <summary>Without a key, LiteLLM reads the vendor's customary variable. A server that asks for none takes any word.</summary>
    private static SecretText Implied(Vendor vendor) => new(vendor.Variable is null ? "none" : $"env:{vendor.Variable}");

    private void AddAlias(string alias, YamlNode group, Place place)
    {
        var target = group is YamlScalarNode { Value: { } name } ? name : (group as YamlMappingNode).Text("model");
        var deployments = _deployments.Where(d => d.Name == target).ToList();
        if (deployments.Count == 0 || _deployments.Exists(d => d.Name == alias))
        {
            plan.Leave(place.In(alias).Text, "it names no model that is carried, or a model has that name already");
            return;
        }

        _deployments.AddRange(deployments.Select(d => d with { Name = alias }));
    }

    private CatalogueEntry ModelOf(string name, List<Deployment> group)
    {
        var shares = group.TrueForAll(d => d.Settings.Text("weight") is null && d.Settings.Whole("rpm") is not null) && group.Count > 1
            ? group.ConvertAll(d => (decimal)d.Settings.Whole("rpm")!)
            : group.ConvertAll(d => d.Settings.Number("weight") is { } weight and > 0 ? weight : 1);
        var scale = shares.Max() > MaximumWeight || shares.Exists(s => s != decimal.Truncate(s)) ? MaximumWeight / shares.Max() : 1;
        var targets = group.Select((d, at) => new CatalogueTarget(
            d.Provider, d.Upstream, Math.Max(1, (int)decimal.Round(shares[at] * scale)), Math.Clamp(d.Settings.Whole("order") ?? 1, 1, MaximumWeight))).ToList();
        var costs = Costs(group);
        if (costs.ContainsKey(InputCost) != costs.ContainsKey(OutputCost) && !IsOfInput(group))
        {
            plan.Leave(group[0].Place.Text, "it has a price of input or of output only, so its price is unknown: set both (PATCH /v1/gateway/models)");
            costs.Clear();
        }

        return new CatalogueEntry(name, targets)
        {
            Costs = costs,
            MakesImages = group[0].Facts.Text("mode") == "image_generation",
            ContextWindow = group[0].Facts.Whole("max_input_tokens"),
            MaxOutputTokens = group[0].Facts.Whole("max_output_tokens") ?? group[0].Facts.Whole("max_tokens"),
        };
    }

    private static bool IsOfInput(List<Deployment> group) => group.TrueForAll(d => d.Facts.Text("mode") == "embedding");

    /// <summary>One price serves all targets of a model, so each part of it is the dearest: a cap must hold on each of them.</summary>
    private Dictionary<string, decimal> Costs(List<Deployment> group)
    {
        var costs = new Dictionary<string, decimal>(StringComparer.Ordinal);
        foreach (var field in group.SelectMany(d => d.Settings.Entries().Concat(d.Facts.Entries())).Select(e => e.Key).Where(CatalogueImport.CarriesCost).Distinct())
        {
            var given = group.ConvertAll(d => d.Settings.Number(field) ?? d.Facts.Number(field)).Where(c => c is >= 0 and < MaximumCost).Select(c => c!.Value).ToList();
            if (given.Distinct().Count() > 1)
            {
                plan.Leave(group[0].Place.In(field).Text, "deployments of one model have different prices; the dearest counts for all");
            }

            if (given.Count > 0)
            {
                costs[field] = given.Max();
            }
        }

        return costs;
    }

    /// <summary>
    /// A fallback to another model becomes further targets of a lower priority. They are metered at the model's own price, so only models
    /// of the same price can be carried.
    /// </summary>
    private void ReadFallbacks(YamlMappingNode? section, Place place)
    {
        foreach (var entry in section.List("fallbacks").OfType<YamlMappingNode>())
        {
            foreach (var (name, list) in entry.Entries())
            {
                var others = (list as YamlSequenceNode)?.Children.Select(c => (c as YamlScalarNode)?.Value ?? "?").ToList() ?? [];
                others.ForEach(other => AddFallback(name, other, place.In("fallbacks").Named(name)));
            }
        }

        foreach (var kind in new[] { "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks" })
        {
            if (section.Find(kind) is not null)
            {
                plan.Leave(place.In(kind).Text, "a request that a provider refuses as such is answered with that refusal, not sent to another model");
            }
        }
    }

    private void AddFallback(string name, string other, Place place)
    {
        var at = plan.Models.FindIndex(m => m.Id == name);
        if (at < 0 || plan.Models.Find(m => m.Id == other) is not { } further)
        {
            plan.Leave(place.Text, "it names a model that is not carried");
            return;
        }

        var model = plan.Models[at];
        if (model.Costs.Count != further.Costs.Count || model.Costs.Any(c => !further.Costs.TryGetValue(c.Key, out var cost) || cost != c.Value))
        {
            plan.Leave(place.Text, $"{other} has another price, and what a fallback costs is metered at the price of the model that was asked for");
            return;
        }

        var last = model.Targets.Max(t => t.Priority);
        plan.Models[at] = model with { Targets = [.. model.Targets, .. further.Targets.Select(t => t with { Priority = Math.Min(last + t.Priority, MaximumWeight) })] };
    }

    private void LeaveRest(YamlMappingNode root)
    {
        foreach (var (key, value) in root.Entries())
        {
            switch (key)
            {
                case "model_list":
                    break;
                case "litellm_settings" or "router_settings":
                    LeaveUnknown(value as YamlMappingNode,
                        ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks", "model_group_alias"], new Place(key));
                    break;
                case "general_settings":
                    LeaveUnknown(value as YamlMappingNode, [], new Place(key));
                    break;
                default:
                    plan.Leave(key, ReasonOf(key));
                    break;
            }
        }
    }

    private void LeaveUnknown(YamlMappingNode? node, IReadOnlyCollection<string> known, Place place)
    {
        foreach (var (key, _) in node.Entries().Where(e => !known.Contains(e.Key) && !CatalogueImport.CarriesCost(e.Key)))
        {
            plan.Leave(place.In(key).Text, ReasonOf(key));
        }
    }

    private static string ReasonOf(string key) => _reasons.TryGetValue(key, out var reason) ? reason
        : key.Contains("_cost", StringComparison.Ordinal) ? "this way of billing has no counterpart: a cap can be passed by what it bills"
        : "Crew has no such setting";

    private static string Complete(string baseUrl, Vendor vendor)
    {
        var trimmed = baseUrl.TrimEnd('/');
        return vendor.Kind != CatalogueProvider.Azure && Uri.TryCreate(trimmed, UriKind.Absolute, out var url) && url.AbsolutePath == "/" ? trimmed + "/v1" : trimmed;
    }

    private (string? Value, bool IsMissing) Resolve(string? text)
    {
        if (text is null || !text.StartsWith(EnvironmentMark, StringComparison.Ordinal))
        {
            return (text, false);
        }

        var value = _variables.Text(text[EnvironmentMark.Length..]) ?? Environment.GetEnvironmentVariable(text[EnvironmentMark.Length..]);
        return (value, string.IsNullOrWhiteSpace(value));
    }

    private sealed record Deployment(string Name, int Provider, string Upstream, YamlMappingNode? Settings, YamlMappingNode? Facts, Place Place);
}

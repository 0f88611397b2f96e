export const gateway = {
  providers: {
    title: "Providers", lead: "Where models are called. A provider's key is sealed and never shown again.", add: "Add a provider", name: "Name", kind: "Kind", address: "Address", key: "Key", status: "Status", owner: "Belongs to",
    owners: { workspace: "this workspace", organization: "the organization" }, test: "Test", testOf: (name: string) => `Test ${name}`, tested: (milliseconds: number) => `answered in ${milliseconds} ms`,
    remove: "Remove", removeOf: (name: string) => `Remove ${name}`, removeText: "Models with no other target stop working. Its key is deleted.",
    empty: "No provider yet", emptyText: "The sandbox models work without one. Connect OpenAI, Anthropic or any server that speaks their language to call real models.",
    kinds: { openai: "OpenAI and compatible", anthropic: "Anthropic", azure_openai: "Azure OpenAI" }, baseUrl: "Base URL", baseUrlHint: "What an OpenAI client takes; it ends in /v1", apiKey: "API key", apiKeyHint: "Sealed at rest, never shown again", submit: "Add the provider",
    apiVersion: "API version", added: "The provider is stored. Test it, and give its models a name and a price.", noKey: "none",
  },
  models: {
    title: "Models and health", lead: "Names that clients use, what stands behind them, and how it does.", add: "Add a model", id: "Model", price: "Price per million tokens", input: "Input", output: "Output", cacheRead: "Cache read",
    context: "Context", most: "Most output", targets: "Targets", health: "Health of targets", unpriced: "no price: budgets refuse it", latency: "Latency", inFlight: "In flight", failures: "Failures", rests: "Rests until",
    states: { closed: "healthy", open: "resting", half_open: "being tried" }, upstream: "Name at the provider", provider: "Provider", submit: "Add the model", priceHint: "US dollars per million tokens. Without a price, keys with a budget are refused.",
    empty: "No model of a provider yet", emptyText: "These are the models that work without a provider.", sandbox: "Sandbox", weight: "Weight", priority: "Priority", remove: "Remove", removeOf: (id: string) => `Remove ${id}`, removeText: "Requests that name it are refused from now on.",
    noTargets: "No target has been called yet.", requests: "Calls",
  },
  usage: {
    title: "Usage and cost", lead: "From the ledger: every attempt at a provider, settled once.", by: "Grouped by", groups: { key: "Key", model: "Model", user: "Person", crew: "Crew" }, period: "Period", periods: { "7": "7 days", "14": "14 days", "31": "31 days", "90": "90 days" },
    chart: (what: string) => `${what} by day`, figure: "Show", figures: { cost: "Cost", requests: "Requests", tokens: "Tokens" }, requests: "Requests", input: "Input tokens", output: "Output tokens", cost: "Cost", empty: "Nothing was used in this period", emptyText: "Widen the period, or send a request.",
    export: "Export CSV", others: "Others", nobody: "(no person)", noCrew: "(no crew)", noKey: "(no key)", total: "Total", table: "As a table", day: "Day",
  },
  requests: {
    title: "Requests", lead: "Counts, cost and outcome of each attempt at a provider. What was asked and answered is not stored.", live: "Live", liveOn: "New ones appear by themselves", paused: "Paused", at: "When", model: "Model", endpoint: "Endpoint", tokens: "Tokens in / out", cost: "Cost", status: "Status", outcome: "Outcome", first: "First byte", total: "Total",
    empty: "No request yet", emptyText: "They appear here as they end.", request: "Request", attempt: (number: number) => `Attempt ${number}`, provenance: "How the cost is known", provenances: { exact: "by the provider's own count", estimated: "estimated", floor: "at least this much", lost: "unknown; held back for good" }, key: "Key", person: "Person", crew: "Crew", address: "Address", agent: "User agent", provider: "Provider", stream: "Streamed", test: "Test", cache: "Cache read / written", reasoning: "Reasoning",
    connecting: "Connecting", connected: "Live", lost: "The live view was cut off and is being resumed", milliseconds: (number: number) => `${number} ms`, filterModel: "Model", filterStatus: "Status",
  },
  budgets: {
    title: "Budgets", lead: "A strict budget is never exceeded: what might not fit is refused before it is sent.", add: "Set a budget", scope: "For", amount: "Amount", window: "Per", mode: "Mode", used: "Used", left: "Left", resets: "Starts over", windows: { day: "Day", week: "Week", month: "Month", total: "In total" }, modes: { strict: "Strict: refuses", tracking: "Tracking: only counts" }, modeNames: { strict: "strict", tracking: "tracking" },
    empty: "No budget yet", emptyText: "Keys can be given one when they are made. Here, whole crews, people and workspaces get theirs.", scopes: { workspace: "This workspace", organization: "The organization", crew: "A crew", user: "A person", key: "A key" }, which: "Which one", submit: "Set the budget", clamp: "Shorten answers to what is left instead of refusing",
    explain: "Why it refuses or does not", explainText: "A request is refused when any level above it has too little left for its worst case.", blocked: "This budget refuses now", free: "There is room", level: "Level", above: "Above this workspace", settled: "Settled", held: "Held by requests under way", lost: "Lost to crashes", debt: "Debt", cap: "Cap", change: "Change the amount", remove: "Remove", removeText: "What it has counted is kept in the ledger, but it refuses nothing any more.", missing: "No such budget", never: "never", usedOf: (used: string, amount: string) => `${used} of ${amount} used`,
  },
  playground: {
    title: "Playground", lead: "Calls a model as you, through the same gateway. It costs what it costs, and nothing of it is stored.", model: "Model", system: "Instructions", message: "Message", send: "Send", stop: "Stop", clear: "Start over", you: "You", answer: "Model", empty: "Nothing was said yet", emptyText: "What you write goes to the model that you choose, and is gone when you leave this page.", crew: "Crew", noCrew: "No crew", stats: (first: number, total: number) => `First words after ${first} ms, all after ${total} ms`, tokens: (input: string, output: string) => `${input} tokens in, ${output} out`, maximum: "Most output tokens", stopped: "Stopped.", sandbox: "Answered by the sandbox", refused: "The gateway refused",
  },
};

import { gateway } from "./gateway";
import { keys } from "./keys";
import { permissions } from "./permissions";
import { people } from "./people";

/** All that the console says, in English. */
export const en = {
  name: "Crew",
  never: "never",
  none: "none",
  any: "any",
  yes: "yes",
  no: "no",
  unknown: "unknown",
  copied: "Copied",
  copy: (what: string) => `Copy ${what}`,
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  saved: "Saved",
  remove: "Remove",
  done: "Done",
  optional: "optional",

  environments: { development: "Development", staging: "Staging", production: "PRODUCTION" },
  roles: {
    owner: "Owner", admin: "Admin", member: "Member", viewer: "Viewer", org_owner: "Organization owner", org_admin: "Organization admin", org_billing: "Billing",
  },

  nav: {
    overview: "Overview", start: "First steps", gateway: "Gateway", keys: "API keys", providers: "Providers", models: "Models and health", usage: "Usage and cost",
    requests: "Requests", budgets: "Budgets", playground: "Playground", workspace: "Workspace", crews: "Crews", people: "People", alerts: "Alerts", audit: "Audit log",
    sessions: "Sessions", organization: "Organization", clients: "Workspaces", account: "Your account", docs: "API reference", newKey: "Make an API key",
    newProvider: "Add a provider", invite: "Invite somebody", newBudget: "Set a budget",
  },
  bar: {
    skip: "Skip to the content", menu: "Menu", navigation: "Pages", light: "Use the light scheme", dark: "Use the dark scheme",
    person: (name: string) => `Account of ${name}`, signOut: "Sign out", organizationOnly: "By a role of the organization",
    switcher: (name: string) => `Workspace ${name}: switch`, workspaces: "Workspaces", byOrganization: "by your role in the organization",
  },
  palette: {
    open: "Search pages and commands", short: "Search", title: "Go to or do", hint: "A page, a command or an id", results: "Commands", nothing: "Nothing is called that.",
    open_id: (id: string) => `Open ${id}`,
  },
  states: {
    loading: "Loading", failed: "That did not work", forbidden: "You may not do that", offline: "The server does not answer",
    offlineText: "The connection is gone, or the server is being restarted. Nothing was lost; try again in a moment.",
    retry: "Try again", explain: (code: string) => `What ${code} means`, more: "Show more",
    stepUp: "Prove that it is you, and come back here", mfa: "Set up a second factor in your account",
    missing: "There is no such page", missingText: "The address was not copied whole, or what it led to is gone.", home: "To the overview",
    broken: "This page broke", brokenText: "That is our fault. Reload the page; if it happens again, tell whoever runs this server.", reload: "Reload",
  },

  overview: {
    lead: (role: string) => `You are here as ${role}.`,
    requests: "Requests, last 7 days", cost: "Cost, last 7 days", tokens: "Tokens, last 7 days", keys: "Active keys",
    cost14: "Cost by day and model, last 14 days", quiet: "No request yet", quietText: "The first steps make a capped key and send a first request with it; it takes two minutes.",
    begin: "Begin", tight: "Budgets that run low", noneTight: "No budget is above 80 %.", due: "Keys due for rotation",
    noneDue: "No key is older than 90 days.", used: (percent: number) => `${percent} % used`,
  },

  crews: {
    lead: "A crew is one environment of a team: what its agents, keys and settings belong to. The environment never changes.",
    add: "Add a crew", name: "Name", environment: "Environment", created: "Created", allowed: "Models", production: "Changes here reach people. Production-bound keys see only crews of this colour.",
    zeroLogging: "No addresses kept", noModels: "All models of the workspace", models: (count: number) => `${count} models allowed`,
  },

  access: {
    title: "Who reaches this crew", lead: "People by their role, keys by what they are bound to, and keys that make tokens. A permission is not a need: take away what is not used.",
    people: "People", keys: "Keys", issuers: "Makers of tokens", via: "By", content: "Content", used: "Last used", tokens: "Live tokens", truncated: "There are more than are shown here.",
  },

  alerts: {
    lead: "What needs a look. Acknowledging says that somebody has had it.", last: "Last", severity: "Severity", what: "What", subject: "About", times: "Times", records: "Record", record: "Audit record", status: "Status",
    seen: "Acknowledge", seenOf: (what: string) => `Acknowledge: ${what}`, empty: "Nothing needs a look", emptyText: "Failed sign-ins, leaked keys, unusual places and the like appear here, and are mailed to the Owners.",
    rules: "Rules", kind: "Kind", threshold: "When", each: "each time", within: (times: number, minutes: number) => `${times} times in ${minutes} minutes`, recipients: "Mailed to", owners: "the Owners", enabled: "On", enabledOf: (what: string) => `Raise: ${what}`,
  },

  sessions: {
    lead: "Browsers that are signed in. Ending a session holds at once, on every node.", browser: "Browser", address: "Address", methods: "Signed in by", seen: "Last used",
    begun: "Began", end: "End", endOf: (browser: string) => `End the session of ${browser}`, current: "this one", person: "Person", ended: "The session has ended.",
  },

  audit: {
    lead: "Who did what, when and from where. Records are numbered in the order of their commits and cannot be changed.",
    event: "Event", actor: "Who", resource: "What", outcome: "Outcome", when: "When", address: "Address", request: "Request", changes: "Changes", from: "From day (UTC)", to: "Before day (UTC)",
    actorId: "Id of who", resourceId: "Id of what", csv: "Export CSV", ndjson: "Export NDJSON", empty: "No record matches", emptyText: "Take a filter away or widen the days.",
    eventHint: "such as api_key.* or auth.*", log: "Log", logs: { workspace: "This workspace", organization: "Organization" }, record: "Audit record",
    field: "Field", before: "Before", after: "After", noChanges: "No field changed.", any: "Any", reason: "Reason", agent: "User agent", sequence: "Number", clear: "Clear filters",
  },

  organization: {
    lead: "Each workspace is a client or a team of its own: its people, keys, budgets and records are apart from all others.",
    add: "Add a workspace", name: "Name", plan: "Plan", status: "Status", created: "Created", suspend: "Suspend", resume: "Resume", open: "Open",
    suspendOf: (name: string) => `Suspend ${name}`, resumeOf: (name: string) => `Resume ${name}`,
    suspendText: "Its keys, tokens and people are refused from the next request on, on every node. Nothing is deleted, and resuming brings all of it back.",
    suspended: "suspended", active: "active", rate: "Requests a minute",
  },

  start: {
    title: "First steps", lead: "From nothing to a capped key in use, in five steps. Every step can be left and come back to.",
    steps: ["You", "Workspace", "Models", "Key", "Request"],
    next: "Next", back: "Back", skip: "Skip",
    you: (name: string) => `You are signed in as ${name}.`,
    youText: "You own this workspace, so a stolen password would be a stolen workspace. A passkey or an authenticator app stops that; it takes a minute.",
    youLink: "Set up a passkey or an authenticator app", workspaceText: "What people see in the switcher and in invitations. You can change it later.",
    workspaceName: "Name of the workspace", modelsText: "The sandbox answers without network, provider or bill, at nominal prices: right for a first try.",
    sandbox: "Use the sandbox", sandboxText: "crew-sandbox-echo repeats what it is told, in the real wire format.",
    provider: "Connect a provider", providerText: "Its key is sealed before it is stored, and never shown again.",
    keyText: "A key for one program: it may call models and nothing else, and never costs more than its cap.", keyName: "Name of the key", cap: "Cap a day, in US dollars",
    makeKey: "Make the key", keyMade: "This is the key. It is shown now and never again.", keyMissing: "Make the key in the step before; its text is shown only once.",
    requestText: "Send this from a terminal or a program. Only the address and the key differ from what the SDK's own pages say.",
    waiting: "Waiting for the first request of this key…", arrived: "The first request has arrived.", arrivedText: "It is on record with its tokens and its cost.",
    restart: "Make another key", toKey: "Look at the key", toUsage: "Look at the usage", finish: "Invite a teammate", model: "Model", install: "Install once",
  },

  permissions,
  keys,
  gateway,
  people,
};

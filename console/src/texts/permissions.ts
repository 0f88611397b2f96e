/** What each permission lets somebody do, as the picker explains it. */
const objects: Record<string, string> = {
  workspace: "the workspace's name, plan and settings",
  crews: "crews and their settings",
  members: "people, their roles and invitations",
  api_keys: "API keys of others (never their text)",
  tokens: "tokens that keys have made for users",
  sessions: "the sessions of everybody here",
  oauth: "OAuth clients and grants",
  agents: "agents and their instructions",
  pathways: "conversation pathways",
  knowledge: "knowledge entries",
  memory: "what agents remember of callers",
  integrations: "connections to other systems",
  secrets: "stored secrets (never their value)",
  channels: "phone numbers and other channels",
  calls: "calls and their facts, without what was said",
  transcripts: "what was said in calls",
  recordings: "recordings of calls",
  messages: "messages",
  campaigns: "campaigns",
  contacts: "contacts",
  appointments: "appointments",
  analytics: "analytics",
  providers: "model providers (never their key)",
  models: "the model catalogue, prices and health",
  usage: "usage and cost",
  budgets: "budgets and what is left of them",
  webhooks: "webhook endpoints and deliveries",
  events: "events",
  audit: "the audit log",
  alerts: "alerts and their rules",
  privacy: "requests of data subjects and retention",
  promotions: "promotions from one crew to another",
  billing: "billing",
};

const special: Record<string, string> = {
  "models:invoke": "Call models through the gateway. This is what costs money.",
  "calls:place": "Start calls and conversations.",
  "exports:create": "Make exports, of what its maker may read.",
  "tokens:create": "Make short-lived tokens for users, with at most its own rights.",
  "api_keys:self": "Make and end keys of one's own.",
};

export const permissions = {
  objects,
  special,
  explain: (permission: string): string => {
    const [resource = "", action = ""] = permission.split(":");
    const object = objects[resource] ?? resource;
    return special[permission] ?? (action === "read" ? `See ${object}.` : `Create, change and delete ${object}.`);
  },
  groups: { special: "What programs do", gateway: "Gateway", agents: "Agents and calls", workspace: "Workspace and people", security: "Security and records" },
};

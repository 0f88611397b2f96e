import { t } from "../texts";

export interface Group {
  name: string;
  permissions: string[];
}

const resources: [keyof typeof t.permissions.groups, string[]][] = [
  ["gateway", ["models", "usage", "budgets", "providers"]],
  ["agents", ["agents", "pathways", "knowledge", "memory", "integrations", "secrets", "channels", "calls", "transcripts", "recordings", "messages", "campaigns", "contacts", "appointments", "analytics", "promotions"]],
  ["workspace", ["workspace", "crews", "members", "api_keys", "tokens", "sessions", "oauth", "webhooks", "events"]],
  ["security", ["audit", "alerts", "privacy", "billing"]],
];

/** What somebody may hand on, in groups: nobody gives what they do not have. */
export function offeredTo(own: readonly string[]): Group[] {
  const groups: Group[] = [
    { name: t.permissions.groups.special, permissions: Object.keys(t.permissions.special) },
    ...resources.map(([group, names]) => ({ name: t.permissions.groups[group], permissions: names.flatMap((name) => [`${name}:read`, `${name}:write`]) })),
  ];
  return groups
    .map((group) => ({ ...group, permissions: group.permissions.filter((permission) => own.includes(permission)) }))
    .filter((group) => group.permissions.length > 0);
}

export const presets = {
  caller: ["models:invoke"],
  reporter: ["usage:read", "budgets:read", "models:read"],
  auditor: ["audit:read", "alerts:read"],
  operator: ["providers:read", "providers:write", "models:read", "models:write", "budgets:read", "budgets:write", "usage:read"],
  issuer: ["tokens:create", "models:invoke"],
  own: [],
} satisfies Record<string, string[]>;

export type Preset = keyof typeof presets;

/** Presets that somebody can hand on whole. */
export function presetsFor(own: readonly string[]): Preset[] {
  return (Object.keys(presets) as Preset[]).filter((name) => presets[name].every((permission) => own.includes(permission)));
}

/** The preset that a choice is, if it is one. */
export function presetOf(chosen: readonly string[]): Preset {
  const same = (name: Preset) => presets[name].length === chosen.length && presets[name].every((permission) => chosen.includes(permission));
  return (Object.keys(presets) as Preset[]).find((name) => name !== "own" && same(name)) ?? "own";
}

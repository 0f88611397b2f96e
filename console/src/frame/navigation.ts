import type { ComponentType } from "react";
import { t } from "../texts";
import {
  IconBook, IconBuilding, IconChart, IconCoins, IconCube, IconDevice, IconHome, IconKey, IconLayers, IconList, IconPeople, IconPlay, IconPlug, IconPlus, IconPulse, IconRocket, IconWarning,
} from "./icons";
import { may, type Me } from "./workspace";

export interface Destination {
  path: string;
  name: string;
  icon: ComponentType;
  /** Any of them opens it; none means everybody. */
  needs: string[];
  /** Further words by which the palette finds it. */
  words?: string;
  /** Only the palette offers it. */
  isAction?: boolean;
}

export interface Section {
  name: string | null;
  places: Destination[];
}

/** What there is, in the order of the menu. A page that somebody may not see is not in theirs; the API refuses it as well. */
export const sections: Section[] = [
  {
    name: null,
    places: [
      { path: "", name: t.nav.overview, icon: IconHome, needs: [], words: "home start dashboard" },
      { path: "/start", name: t.nav.start, icon: IconRocket, needs: ["api_keys:write"], words: "wizard first run setup onboarding" },
    ],
  },
  {
    name: t.nav.gateway,
    places: [
      { path: "/keys", name: t.nav.keys, icon: IconKey, needs: ["api_keys:read", "api_keys:self"], words: "api keys secrets credentials" },
      { path: "/gateway/providers", name: t.nav.providers, icon: IconPlug, needs: ["providers:read"], words: "openai anthropic azure upstream" },
      { path: "/gateway/models", name: t.nav.models, icon: IconCube, needs: ["models:read"], words: "prices catalogue targets health" },
      { path: "/gateway/usage", name: t.nav.usage, icon: IconChart, needs: ["usage:read"], words: "cost spend tokens charts" },
      { path: "/gateway/requests", name: t.nav.requests, icon: IconPulse, needs: ["usage:read"], words: "live calls log" },
      { path: "/gateway/budgets", name: t.nav.budgets, icon: IconCoins, needs: ["budgets:read"], words: "cap limit spend" },
      { path: "/gateway/playground", name: t.nav.playground, icon: IconPlay, needs: ["models:invoke"], words: "chat try stream prompt" },
    ],
  },
  {
    name: t.nav.workspace,
    places: [
      { path: "/crews", name: t.nav.crews, icon: IconLayers, needs: ["crews:read"], words: "environments production staging development" },
      { path: "/people", name: t.nav.people, icon: IconPeople, needs: ["members:read"], words: "members invitations invite roles users team" },
      { path: "/alerts", name: t.nav.alerts, icon: IconWarning, needs: ["alerts:read"], words: "warnings rules notify" },
      { path: "/audit", name: t.nav.audit, icon: IconList, needs: ["audit:read"], words: "log records events who did" },
      { path: "/sessions", name: t.nav.sessions, icon: IconDevice, needs: [], words: "signed in browsers devices" },
    ],
  },
  {
    name: t.nav.organization,
    places: [
      { path: "/organization", name: t.nav.clients, icon: IconBuilding, needs: ["workspaces:read"], words: "clients workspaces suspend organization" },
    ],
  },
];

/** What the palette can do besides going somewhere. */
export const actions: Destination[] = [
  { path: "/keys/new", name: t.nav.newKey, icon: IconPlus, needs: ["api_keys:write", "api_keys:self"], words: "create mint", isAction: true },
  { path: "/gateway/providers?add=true", name: t.nav.newProvider, icon: IconPlus, needs: ["providers:write"], isAction: true },
  { path: "/people?invite=true", name: t.nav.invite, icon: IconPlus, needs: ["members:write"], isAction: true },
  { path: "/gateway/budgets?add=true", name: t.nav.newBudget, icon: IconPlus, needs: ["budgets:write"], isAction: true },
];

export const documentation: Destination = { path: "/docs", name: t.nav.docs, icon: IconBook, needs: [] };

type Rights = Pick<Me, "permissions" | "organization_permissions">;

export const isOpenTo = (rights: Rights, place: Destination) => place.needs.length === 0 || place.needs.some((permission) => may(rights, permission));

/** The menu of one person. */
export function menuOf(rights: Rights): Section[] {
  return sections
    .map((section) => ({ ...section, places: section.places.filter((place) => isOpenTo(rights, place)) }))
    .filter((section) => section.places.length > 0);
}

const idPages: Record<string, string> = { key: "/keys/", bud: "/gateway/budgets/", req: "/gateway/requests/", log: "/audit/" };

/** Where an id that somebody pastes leads; null where it has no page. */
export function pageOfId(text: string): string | null {
  const match = /^([a-z]+)_[0-9a-z]{26}$/.exec(text.trim());
  const page = match?.[1] ? idPages[match[1]] : undefined;
  return page ? page + text.trim() : null;
}

/** Commands whose name or words hold every word that was typed; those whose name begins with it come first. */
export function search(places: Destination[], typed: string): Destination[] {
  const wanted = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const found = places.filter((place) => {
    const text = `${place.name} ${place.words ?? ""}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  const first = wanted[0] ?? "";
  return found.sort((a, b) => Number(b.name.toLowerCase().startsWith(first)) - Number(a.name.toLowerCase().startsWith(first)));
}

import type { Schemas } from "../api/client";
import { isAmount } from "../frame/money";
import { t } from "../texts";

export type Reach = "live" | "test" | "development" | "staging" | "production";

/** A key that is being thought up. */
export interface Draft {
  name: string;
  /** Whose it is: a program's, or the maker's own, which never may more than they do. */
  kind: "service" | "user";
  reach: Reach;
  permissions: string[];
  models: string[];
  ips: string;
  rate: string;
  expires: string;
  amount: string;
  window: "none" | "day" | "week" | "month" | "total";
  parentId: string | null;
}

export const newDraft: Draft = { name: "", kind: "service", reach: "live", permissions: ["models:invoke"], models: [], ips: "", rate: "", expires: "", amount: "5.00", window: "day", parentId: null };

export const networksOf = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** Whether a text can be an address or a network; the server has the last word. */
export function isNetwork(text: string): boolean {
  const [address = "", size, ...more] = text.split("/");
  const isV4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(address) && address.split(".").every((part) => Number(part) <= 255);
  const isV6 = address.includes(":") && /^[0-9a-fA-F:.]+$/.test(address) && address.split(":").length <= 8;
  const most = isV4 ? 32 : 128;
  return (isV4 || isV6) && more.length === 0 && (size === undefined || (/^\d{1,3}$/.test(size) && Number(size) <= most));
}

export type Complaints = Partial<Record<"name" | "permissions" | "ips" | "amount" | "rate", string>>;

/** What keeps a draft from being a key, by field. */
export function complaintsOf(draft: Draft): Complaints {
  const complaints: Complaints = {};
  const wrongIp = networksOf(draft.ips).find((ip) => !isNetwork(ip));
  if (draft.name.trim().length === 0 || draft.name.trim().length > 200) {
    complaints.name = t.keys.make.badName;
  }
  if (draft.permissions.length === 0) {
    complaints.permissions = t.keys.make.none;
  }
  if (wrongIp !== undefined) {
    complaints.ips = t.keys.make.badIp(wrongIp);
  }
  if (draft.window !== "none" && !isAmount(draft.amount)) {
    complaints.amount = t.keys.make.badAmount;
  }
  if (draft.rate !== "" && !/^[1-9]\d{0,7}$/.test(draft.rate)) {
    complaints.rate = t.keys.make.badAmount;
  }
  return complaints;
}

/** The request that makes it. */
export function requestOf(draft: Draft): Schemas["CreateKeyRequest"] {
  const isMode = draft.reach === "live" || draft.reach === "test";
  return {
    name: draft.name.trim(),
    permissions: draft.permissions,
    ...(draft.kind === "user" ? { kind: "user" } : {}),
    ...(isMode ? { mode: draft.reach } : { environment: draft.reach }),
    ...(draft.models.length > 0 ? { allowed_models: draft.models } : {}),
    ...(networksOf(draft.ips).length > 0 ? { allowed_ips: networksOf(draft.ips) } : {}),
    ...(draft.rate ? { rate_limit_per_minute: Number(draft.rate) } : {}),
    ...(draft.expires ? { expires_at: `${draft.expires}T00:00:00.000Z` } : {}),
    ...(draft.window !== "none" ? { budget: { amount_usd: draft.amount, window: draft.window, mode: "strict" } } : {}),
    ...(draft.parentId ? { parent_id: draft.parentId } : {}),
  };
}

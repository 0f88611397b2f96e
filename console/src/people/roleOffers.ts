import type { Me } from "../frame/workspace";
import { may } from "../frame/workspace";

export const workspaceRoles = ["owner", "admin", "member", "viewer"] as const;
export const organizationRoles = ["org_owner", "org_admin", "org_billing"] as const;

export type Role = (typeof workspaceRoles)[number] | (typeof organizationRoles)[number];

/** Roles that somebody may give: none above their own. */
export function rolesToGive(me: Pick<Me, "role" | "permissions" | "organization_permissions">): Role[] {
  const workspace = workspaceRoles.filter((role) => role !== "owner" || me.role === "owner");
  const organization = organizationRoles.filter((role) => may(me, "organization:write") && (role !== "org_owner" || may(me, "billing:write")));
  return [...(may(me, "members:write") ? workspace : []), ...organization];
}

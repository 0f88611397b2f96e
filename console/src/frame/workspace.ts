import { createContext, useContext } from "react";
import type { Schemas } from "../api/client";

export type Me = Schemas["WhoAmIAnswer"];

export interface Place {
  me: Me;
  workspaceId: string;
}

export const PlaceContext = createContext<Place | null>(null);

/** Where the person is, and what they may do there. */
export function usePlace(): Place {
  const place = useContext(PlaceContext);
  if (!place) {
    throw new Error("A page of a workspace stands outside of one.");
  }
  return place;
}

export const useWorkspaceId = () => usePlace().workspaceId;

/** Whether a caller has a permission in the workspace or, where the name is one of those, in the organization. */
export function may(me: Pick<Me, "permissions" | "organization_permissions">, permission: string): boolean {
  return me.permissions.includes(permission) || me.organization_permissions.includes(permission);
}

export function useMay(permission: string): boolean {
  return may(usePlace().me, permission);
}

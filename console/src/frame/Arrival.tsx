import { useQuery } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import { apiOf, dataOf } from "../api/client";
import { asFault, Fault } from "../api/fault";
import { Bare } from "./Bare";
import { chooseWorkspace, lastWorkspace } from "./session";
import { Loading, Refusal } from "./States";

async function whereToGo(): Promise<string> {
  try {
    return (await dataOf(apiOf(undefined).GET("/v1/me"))).workspace_id;
  } catch (thrown) {
    const fault = asFault(thrown);
    const offered = fault.code === "workspace_required" ? (fault.details.workspaces as string[] | undefined) : undefined;
    const chosen = offered && chooseWorkspace(offered, lastWorkspace());
    if (chosen) {
      return chosen;
    }
    throw fault;
  }
}

/** The address without a workspace: on to the one that was looked at last. */
export function Arrival() {
  const place = useQuery<string, Fault>({ queryKey: ["arrival"], queryFn: whereToGo, staleTime: 0 });
  if (place.data) {
    return <Navigate to="/w/$workspaceId" params={{ workspaceId: place.data }} replace />;
  }
  return <Bare>{place.error && place.error.status !== 401 ? <Refusal fault={place.error} retry={() => void place.refetch()} /> : <Loading />}</Bare>;
}

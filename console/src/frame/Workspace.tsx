import { useQuery } from "@tanstack/react-query";
import { Outlet, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { apiOf, dataOf } from "../api/client";
import { asFault, type Fault } from "../api/fault";
import { Bare } from "./Bare";
import { rememberWorkspace } from "./session";
import { Shell } from "./Shell";
import { Loading, Refusal } from "./States";
import { PlaceContext, type Me } from "./workspace";

/** Everything below one workspace: who somebody is there decides what they are shown. */
export function Workspace() {
  const { workspaceId } = useParams({ from: "/w/$workspaceId" });
  const me = useQuery<Me, Fault>({
    queryKey: [workspaceId, "me"],
    queryFn: () => dataOf(apiOf(workspaceId).GET("/v1/me")).catch((thrown) => Promise.reject(asFault(thrown))),
    staleTime: 60_000,
  });
  useEffect(() => {
    if (me.data) {
      rememberWorkspace(workspaceId);
    }
  }, [me.data, workspaceId]);
  if (!me.data) {
    return <Bare>{me.error && me.error.status !== 401 ? <Refusal fault={me.error} retry={() => void me.refetch()} /> : <Loading />}</Bare>;
  }
  return (
    <PlaceContext value={{ me: me.data, workspaceId }}>
      <Shell>
        <Outlet />
      </Shell>
    </PlaceContext>
  );
}

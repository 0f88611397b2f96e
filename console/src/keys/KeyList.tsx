import { SegmentedControl } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { pageOf } from "../api/client";
import { usePages } from "../api/queries";
import { Environment, Soft, Status, Time } from "../frame/Facts";
import { Go, GoButton } from "../frame/Go";
import { Page } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages } from "../frame/States";
import { useMay, usePlace } from "../frame/workspace";
import type { Key } from "../gateway/reads";
import { t } from "../texts";
import { Lockdown } from "./Lockdown";

const route = getRouteApi("/w/$workspaceId/keys");

/** What a key can touch, in a word. */
export function Reaches({ of }: { of: Key }) {
  if (of.environment) {
    return <Environment name={of.environment} />;
  }
  return <Soft>{of.crew_id ? t.keys.crewOf(of.crew_id) : of.mode === "test" ? t.keys.modes.test : t.keys.modes.live}</Soft>;
}

export function KeyList() {
  const { status } = route.useSearch();
  const navigate = route.useNavigate();
  const { me } = usePlace();
  const mayWrite = useMay("api_keys:write");
  const mayMake = useMay("api_keys:self") || mayWrite;
  const keys = usePages<Key>(["keys"], (api, cursor, signal) => pageOf(api.GET("/v1/api-keys", { params: { query: { limit: 100, cursor } }, signal })));
  const add = mayMake && <GoButton to="/keys/new">{t.keys.add}</GoButton>;
  return (
    <Page title={t.keys.title} lead={t.keys.lead} actions={add}>
      <SegmentedControl mb="md" aria-label={t.keys.filterStatus} value={status ?? "active"} onChange={(value) => void navigate({ search: value === "active" ? {} : { status: value } })}
        data={[{ value: "active", label: t.keys.statuses.active }, { value: "all", label: t.keys.statuses.all }]} />
      <LoadedPages of={keys} empty={<Empty title={t.keys.empty} text={t.keys.emptyText} action={add || undefined} />}>
        {(rows) => (
          <Rows caption={t.keys.title} rows={rows.filter((key) => status === "all" || key.status === "active" || key.status === "rolled")} keyOf={(key) => key.id} columns={[
            { name: t.keys.name, of: (key) => <Go to={`/keys/${key.id}`}>{key.name}</Go> },
            { name: t.keys.text, of: (key) => <code>{key.prefix}…{key.last4}</code> },
            { name: t.keys.scope, of: (key) => <Reaches of={key} /> },
            { name: t.keys.status, of: (key) => key.status === "active" && key.rotation_due ? <Status name="rolling" label={t.keys.ofAge} /> : <Status name={key.status} /> },
            { name: t.keys.used, of: (key) => <Time at={key.last_used_at} /> },
            { name: t.keys.created, of: (key) => <Time at={key.created_at} /> },
          ]} />
        )}
      </LoadedPages>
      {me.role === "owner" && mayWrite && <Lockdown />}
    </Page>
  );
}

import { Button, NativeSelect, TextInput } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { pageOf, type Schemas } from "../api/client";
import { download } from "../api/download";
import { asFault, type Fault } from "../api/fault";
import { usePages } from "../api/queries";
import { Soft, Status, Time } from "../frame/Facts";
import classes from "../frame/frame.module.css";
import { Go } from "../frame/Go";
import { Page } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages, Refusal } from "../frame/States";
import { usePlace } from "../frame/workspace";
import { t } from "../texts";
import { queryOf, type AuditSearch } from "./filter";

const route = getRouteApi("/w/$workspaceId/audit");
const words = t.audit;

export type AuditRecord = Schemas["AuditLog"];

/** Who did it, as far as the record says. */
export function Actor({ of }: { of: AuditRecord["actor"] }) {
  const name = of.email ?? (of.key_last4 ? `…${of.key_last4}` : null);
  return <span>{name ?? of.id} <Soft>{of.type}</Soft></span>;
}

function Filters({ search, onChange }: { search: AuditSearch; onChange: (search: AuditSearch) => void }) {
  const { me } = usePlace();
  const [draft, setDraft] = useState(search);
  const set = (change: AuditSearch) => setDraft({ ...draft, ...change });
  const seesOrganization = me.organization_permissions.includes("audit:read");
  return (
    <form className={classes.filters} onSubmit={(event) => {
      event.preventDefault();
      onChange(draft);
    }}>
      {seesOrganization && <NativeSelect label={words.log} value={draft.log ?? "workspace"} onChange={(event) => set({ log: event.currentTarget.value })}
        data={Object.entries(words.logs).map(([value, label]) => ({ value, label }))} />}
      <TextInput label={words.event} placeholder={words.eventHint} value={draft.event_type ?? ""} onChange={(event) => set({ event_type: event.currentTarget.value })} />
      <TextInput label={words.actorId} value={draft.actor_id ?? ""} onChange={(event) => set({ actor_id: event.currentTarget.value })} />
      <TextInput label={words.resourceId} value={draft.resource_id ?? ""} onChange={(event) => set({ resource_id: event.currentTarget.value })} />
      <NativeSelect label={words.outcome} value={draft.outcome ?? ""} onChange={(event) => set({ outcome: event.currentTarget.value })} data={[{ value: "", label: words.any }, "success", "failure", "denied"]} />
      <TextInput label={words.from} type="date" value={draft.from ?? ""} onChange={(event) => set({ from: event.currentTarget.value })} />
      <TextInput label={words.to} type="date" value={draft.to ?? ""} onChange={(event) => set({ to: event.currentTarget.value })} />
      <Button type="submit">{t.palette.short}</Button>
      <Button variant="default" onClick={() => {
        setDraft({});
        onChange({});
      }}>{words.clear}</Button>
    </form>
  );
}

export function AuditLog() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { me, workspaceId } = usePlace();
  const [fault, setFault] = useState<Fault | null>(null);
  const query = queryOf(search);
  const records = usePages<AuditRecord>(["audit", query], (api, cursor, signal) => pageOf(api.GET("/v1/audit-logs", { params: { query: { limit: 50, cursor, ...query } }, signal })));
  const save = (format: string) => {
    download(workspaceId, `/v1/audit-logs/export?${new URLSearchParams({ ...query, format })}`, `audit.${format}`).catch((thrown) => setFault(asFault(thrown)));
  };
  const mayExport = me.permissions.includes("exports:create");
  return (
    <Page title={t.nav.audit} lead={words.lead}
      actions={mayExport && <><Button variant="default" onClick={() => save("csv")}>{words.csv}</Button><Button variant="default" onClick={() => save("ndjson")}>{words.ndjson}</Button></>}>
      <Filters search={search} onChange={(next) => void navigate({ search: Object.fromEntries(Object.entries(next).filter(([, value]) => value)) })} />
      {fault && <Refusal fault={fault} />}
      <LoadedPages of={records} empty={<Empty title={words.empty} text={words.emptyText} />}>
        {(rows) => (
          <Rows caption={t.nav.audit} rows={rows} keyOf={(record) => record.id} columns={[
            { name: words.when, of: (record) => <Time at={record.timestamp} /> },
            { name: words.event, of: (record) => <Go to={`/audit/${record.id}`} search={search.log ? { log: search.log } : undefined}>{record.event_type}</Go> },
            { name: words.actor, of: (record) => <Actor of={record.actor} /> },
            { name: words.resource, of: (record) => record.resource ? <span>{record.resource.name ?? record.resource.id} <Soft>{record.resource.type}</Soft></span> : <Soft>{t.none}</Soft> },
            { name: words.outcome, of: (record) => <Status name={record.outcome} /> },
            { name: words.address, of: (record) => record.ip_address ?? <Soft>{t.none}</Soft> },
          ]} />
        )}
      </LoadedPages>
    </Page>
  );
}

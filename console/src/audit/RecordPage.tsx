import { Text } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { dataOf } from "../api/client";
import { useRead } from "../api/queries";
import { Fields, Id, Soft, Status, Time } from "../frame/Facts";
import { Go } from "../frame/Go";
import { Page, Part } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Loaded } from "../frame/States";
import { t } from "../texts";
import { Actor, type AuditRecord } from "./AuditLog";

const route = getRouteApi("/w/$workspaceId/audit/$id");
const words = t.audit;

interface Change {
  field: string;
  from: unknown;
  to: unknown;
}

const text = (value: unknown) => (value === null || value === undefined ? t.none : typeof value === "string" ? value : JSON.stringify(value));

export function RecordPage() {
  const { id } = route.useParams();
  const { log } = route.useSearch();
  const record = useRead<AuditRecord>(["audit", "one", id, log], (api, signal) =>
    dataOf(api.GET("/v1/audit-logs/{id}", { params: { path: { id }, query: (log ? { log } : {}) as never }, signal })));
  return (
    <Page title={words.record} lead={<Id id={id} />}>
      <Loaded of={record}>
        {(one) => (
          <>
            <Fields of={[
              [words.event, <code key="event">{one.event_type}</code>],
              [words.when, <Time key="when" at={one.timestamp} />],
              [words.outcome, <span key="outcome"><Status name={one.outcome} /> {one.reason && <Soft>{one.reason}</Soft>}</span>],
              [words.actor, <Actor key="actor" of={one.actor} />],
              [words.actorId, <Id key="actor-id" id={one.actor.id} />],
              [words.resource, one.resource ? <span key="resource">{one.resource.type} {one.resource.name}</span> : t.none],
              [words.resourceId, one.resource?.id ? <Id key="resource-id" id={one.resource.id} /> : t.none],
              [words.address, one.ip_address ?? t.none],
              [words.agent, one.user_agent ?? t.none],
              [words.request, one.request_id ? <Id key="request" id={one.request_id} /> : t.none],
              [words.sequence, one.sequence ?? t.none],
            ]} />
            <Part title={words.changes}>
              {((one.changes as Change[] | null) ?? []).length === 0 ? <Text size="sm" c="dimmed">{words.noChanges}</Text> : (
                <Rows caption={words.changes} rows={one.changes as Change[]} keyOf={(change) => change.field} columns={[
                  { name: words.field, of: (change) => <code>{change.field}</code> },
                  { name: words.before, of: (change) => text(change.from) },
                  { name: words.after, of: (change) => text(change.to) },
                ]} />
              )}
            </Part>
            {one.resource?.id && <Text mt="md"><Go to="/audit" search={{ resource_id: one.resource.id }}>{words.resource}: {one.resource.id}</Go></Text>}
          </>
        )}
      </Loaded>
    </Page>
  );
}

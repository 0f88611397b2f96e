import { Text } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { pageOf, type Schemas } from "../api/client";
import { usePages } from "../api/queries";
import { Soft, Status, Time } from "../frame/Facts";
import { Go } from "../frame/Go";
import { count, money } from "../frame/money";
import { Page } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages } from "../frame/States";
import { t } from "../texts";

const route = getRouteApi("/w/$workspaceId/gateway/requests");
const words = t.gateway.requests;

export type Attempt = Schemas["AttemptAnswer"];

/** Rows of the ledger, newest first. */
export function Attempts({ rows, caption }: { rows: Attempt[]; caption: string }) {
  return (
    <Rows caption={caption} rows={rows} keyOf={(row) => `${row.request_id}${row.attempt}`} columns={[
      { name: words.at, of: (row) => <Go to={`/gateway/requests/${row.request_id}`}><Time at={row.at} /></Go> },
      { name: words.model, of: (row) => <code>{row.model}</code> },
      { name: words.endpoint, of: (row) => <Soft>{row.endpoint}</Soft> },
      { name: words.tokens, of: (row) => `${count(row.tokens.input + row.tokens.cache_read + row.tokens.cache_write)} / ${count(row.tokens.output)}`, number: true },
      { name: words.cost, of: (row) => money(row.cost_usd), number: true },
      { name: words.outcome, of: (row) => <Status name={row.outcome} label={`${row.status} ${row.outcome}`} /> },
      { name: words.first, of: (row) => row.first_byte_ms === null ? <Soft>–</Soft> : words.milliseconds(row.first_byte_ms), number: true },
      { name: words.total, of: (row) => words.milliseconds(row.total_ms), number: true },
    ]} />
  );
}

export function Requests() {
  const search = route.useSearch();
  const requests = usePages<Attempt>(["requests", search], (api, cursor, signal) =>
    pageOf(api.GET("/v1/gateway/requests", { params: { query: { limit: 50, cursor, ...search } }, signal })), { everyMilliseconds: 3_000 });
  return (
    <Page title={words.title} lead={words.lead} actions={<Text size="sm" c="dimmed">{words.liveOn}</Text>}>
      <LoadedPages of={requests} empty={<Empty title={words.empty} text={words.emptyText} />}>{(rows) => <Attempts rows={rows} caption={words.title} />}</LoadedPages>
    </Page>
  );
}

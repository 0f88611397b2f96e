import { Button, SegmentedControl } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import { download } from "../api/download";
import { barsOf } from "../frame/bars";
import { Chart } from "../frame/Chart";
import classes from "../frame/frame.module.css";
import { dayOf, daysBetween } from "../frame/moment";
import { brief, count, dollars, money } from "../frame/money";
import { Page, Part } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, Loaded } from "../frame/States";
import { useMay, useWorkspaceId } from "../frame/workspace";
import { t } from "../texts";
import { useCrews, useKeyNames, useMembers, useUsage, type UsageGroup } from "./reads";

const route = getRouteApi("/w/$workspaceId/gateway/usage");
const words = t.gateway.usage;

type By = keyof typeof words.groups;
type Figure = keyof typeof words.figures;

const figures: Record<Figure, (group: UsageGroup) => number> = {
  cost: (group) => dollars(group.cost_usd),
  requests: (group) => group.requests,
  tokens: (group) => group.tokens.input + group.tokens.cache_read + group.tokens.cache_write + group.tokens.output,
};

/** What a group is called: ids become names where one may know them. */
function useNames(by: By): (group: UsageGroup) => string {
  const keys = useKeyNames(useMay("api_keys:read") && by === "key");
  const members = useMembers(useMay("members:read") && by === "user");
  const crews = useCrews();
  const people = new Map(members.data?.pages.flatMap((page) => page.rows).map((member) => [member.user_id, member.name ?? member.email ?? member.user_id]));
  const crewNames = new Map(crews.data?.pages.flatMap((page) => page.rows).map((crew) => [crew.id, crew.name]));
  return (group) => ({
    key: () => (group.key_id ? keys.get(group.key_id)?.name ?? group.key_id : words.noKey),
    model: () => group.model ?? t.unknown,
    user: () => (group.user_id ? people.get(group.user_id) ?? group.user_id : words.nobody),
    crew: () => (group.crew_id ? crewNames.get(group.crew_id) ?? group.crew_id : words.noCrew),
  })[by]();
}

interface Sum {
  name: string;
  requests: number;
  input: number;
  output: number;
  cost: number;
}

/** The same over all days, the dearest first. */
function sumsOf(groups: UsageGroup[], nameOf: (group: UsageGroup) => string): Sum[] {
  const sums = new Map<string, Sum>();
  for (const group of groups) {
    const name = nameOf(group);
    const sum = sums.get(name) ?? { name, requests: 0, input: 0, output: 0, cost: 0 };
    sum.requests += group.requests;
    sum.input += group.tokens.input + group.tokens.cache_read + group.tokens.cache_write;
    sum.output += group.tokens.output;
    sum.cost += dollars(group.cost_usd);
    sums.set(name, sum);
  }
  return [...sums.values()].sort((a, b) => b.cost - a.cost || b.requests - a.requests);
}

function Table({ groups, by, nameOf }: { groups: UsageGroup[]; by: By; nameOf: (group: UsageGroup) => string }) {
  const sums = sumsOf(groups, nameOf);
  const total = sums.reduce((all, sum) => ({ name: words.total, requests: all.requests + sum.requests, input: all.input + sum.input, output: all.output + sum.output, cost: all.cost + sum.cost }),
    { name: words.total, requests: 0, input: 0, output: 0, cost: 0 });
  return (
    <Rows caption={words.table} rows={[...sums, total]} keyOf={(sum, index) => `${sum.name}${index}`} columns={[
      { name: words.groups[by], of: (sum) => (sum === total ? <strong>{sum.name}</strong> : sum.name) },
      { name: words.requests, of: (sum) => count(sum.requests), number: true },
      { name: words.input, of: (sum) => count(sum.input), number: true },
      { name: words.output, of: (sum) => count(sum.output), number: true },
      { name: words.cost, of: (sum) => money(sum.cost.toFixed(9)), number: true },
    ]} />
  );
}

export function Usage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const workspaceId = useWorkspaceId();
  const by = (search.by && search.by in words.groups ? search.by : "model") as By;
  const figure = (search.show && search.show in words.figures ? search.show : "cost") as Figure;
  const days = Number(search.days ?? "14");
  const from = useMemo(() => dayOf(Date.now() - (days - 1) * 86_400_000), [days]);
  const query = { from: `${from}T00:00:00Z`, group_by: `day,${by}`, ...(search.key_id ? { key_id: search.key_id } : {}) };
  const usage = useUsage(query);
  const nameOf = useNames(by);
  const format = figure === "cost" ? (value: number) => money(value.toFixed(6)) : brief;
  const choose = (change: Record<string, string>) => void navigate({ search: { ...search, ...change } });
  const path = `/v1/gateway/usage/export?${new URLSearchParams(query)}`;
  return (
    <Page title={words.title} lead={words.lead} actions={<Button variant="default" onClick={() => void download(workspaceId, path, "usage.csv")}>{words.export}</Button>}>
      <div className={classes.segments}>
        <SegmentedControl aria-label={words.by} value={by} onChange={(value) => choose({ by: value })} data={Object.entries(words.groups).map(([value, label]) => ({ value, label }))} />
        <SegmentedControl aria-label={words.figure} value={figure} onChange={(value) => choose({ show: value })} data={Object.entries(words.figures).map(([value, label]) => ({ value, label }))} />
        <SegmentedControl aria-label={words.period} value={String(days)} onChange={(value) => choose({ days: value })} data={Object.entries(words.periods).map(([value, label]) => ({ value, label }))} />
      </div>
      <Loaded of={usage}>
        {(groups) => groups.length === 0 ? <Empty title={words.empty} text={words.emptyText} /> : (
          <>
            <Chart title={words.chart(words.figures[figure])} format={format}
              bars={barsOf(groups.map((group) => ({ day: group.day ?? from, name: nameOf(group), value: figures[figure](group) })), daysBetween(from, dayOf(Date.now())), words.others)} />
            <Part title={words.table}><Table groups={groups} by={by} nameOf={nameOf} /></Part>
          </>
        )}
      </Loaded>
    </Page>
  );
}

import { Progress, Text } from "@mantine/core";
import { useMemo } from "react";
import { pageOf, type Schemas } from "../api/client";
import { usePages } from "../api/queries";
import { barsOf } from "../frame/bars";
import { Chart } from "../frame/Chart";
import { Time } from "../frame/Facts";
import classes from "../frame/frame.module.css";
import { Go, GoButton } from "../frame/Go";
import { dayOf, daysBetween } from "../frame/moment";
import { brief, count, dollars, money } from "../frame/money";
import { Page, Part } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, Loaded, LoadedPages } from "../frame/States";
import { useMay, usePlace } from "../frame/workspace";
import { useUsage, type Key, type UsageGroup } from "../gateway/reads";
import { t } from "../texts";

const dayMs = 86_400_000;

function Tile({ name, value }: { name: string; value: string }) {
  return (
    <dl className={classes.tile}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </dl>
  );
}

function Figures({ groups, keys }: { groups: UsageGroup[]; keys: number | null }) {
  const since = dayOf(Date.now() - 6 * dayMs);
  const week = groups.filter((group) => (group.day ?? "") >= since);
  const sum = (of: (group: UsageGroup) => number) => week.reduce((total, group) => total + of(group), 0);
  return (
    <div className={classes.tiles}>
      <Tile name={t.overview.requests} value={count(sum((group) => group.requests))} />
      <Tile name={t.overview.cost} value={money(sum((group) => dollars(group.cost_usd)).toFixed(6))} />
      <Tile name={t.overview.tokens} value={brief(sum((group) => group.tokens.input + group.tokens.output + group.tokens.cache_read + group.tokens.cache_write))} />
      {keys !== null && <Tile name={t.overview.keys} value={count(keys)} />}
    </div>
  );
}

function Budgets() {
  const budgets = usePages<Schemas["BudgetAnswer"]>(["budgets"], (api, cursor, signal) =>
    pageOf(api.GET("/v1/budgets", { params: { query: { limit: 100, cursor } }, signal })));
  const percent = (budget: Schemas["BudgetAnswer"]) => Math.round((1 - dollars(budget.standing?.free_usd ?? budget.amount_usd) / Math.max(dollars(budget.amount_usd), 1e-9)) * 100);
  return (
    <Part title={t.overview.tight}>
      <LoadedPages of={budgets} empty={<Text c="dimmed" size="sm">{t.overview.noneTight}</Text>}>
        {(rows) => {
          const tight = rows.filter((budget) => percent(budget) >= 80).sort((a, b) => percent(b) - percent(a)).slice(0, 5);
          return tight.length === 0 ? <Text c="dimmed" size="sm">{t.overview.noneTight}</Text> : (
            <Rows caption={t.overview.tight} rows={tight} keyOf={(budget) => budget.id} columns={[
              { name: t.gateway.budgets.scope, of: (budget) => <Go to={`/gateway/budgets/${budget.id}`}>{budget.scope}</Go> },
              { name: t.gateway.budgets.amount, of: (budget) => money(budget.amount_usd), number: true },
              { name: t.gateway.budgets.used, of: (budget) => <Progress value={Math.min(percent(budget), 100)} color={percent(budget) >= 100 ? "red" : "yellow"} w={120} aria-label={t.overview.used(percent(budget))} /> },
            ]} />
          );
        }}
      </LoadedPages>
    </Part>
  );
}

function DueKeys({ keys }: { keys: Key[] }) {
  const due = keys.filter((key) => key.status === "active" && key.rotation_due);
  return (
    <Part title={t.overview.due}>
      {due.length === 0 ? <Text c="dimmed" size="sm">{t.overview.noneDue}</Text> : (
        <Rows caption={t.overview.due} rows={due.slice(0, 5)} keyOf={(key) => key.id} columns={[
          { name: t.keys.name, of: (key) => <Go to={`/keys/${key.id}`}>{key.name}</Go> },
          { name: t.keys.created, of: (key) => <Time at={key.created_at} /> },
          { name: t.keys.used, of: (key) => <Time at={key.last_used_at} /> },
        ]} />
      )}
    </Part>
  );
}

function Spending({ keys }: { keys: number | null }) {
  const mayStart = useMay("api_keys:write");
  const from = useMemo(() => dayOf(Date.now() - 13 * dayMs), []);
  const usage = useUsage({ from: `${from}T00:00:00Z`, group_by: "day,model" });
  return (
    <Loaded of={usage}>
      {(groups) => (
        <>
          <Figures groups={groups} keys={keys} />
          <Part title={t.overview.cost14}>
            {groups.length === 0
              ? <Empty title={t.overview.quiet} text={mayStart ? t.overview.quietText : undefined} action={mayStart ? <GoButton to="/start">{t.overview.begin}</GoButton> : undefined} />
              : <Chart title={t.overview.cost14} format={(value) => money(value.toFixed(6))}
                  bars={barsOf(groups.map((group) => ({ day: group.day ?? from, name: group.model ?? t.unknown, value: dollars(group.cost_usd) })), daysBetween(from, dayOf(Date.now())), t.gateway.usage.others)} />}
          </Part>
        </>
      )}
    </Loaded>
  );
}

export function Overview() {
  const { me } = usePlace();
  const seesKeys = useMay("api_keys:read");
  const seesUsage = me.permissions.includes("usage:read");
  const seesBudgets = useMay("budgets:read");
  const keys = usePages<Key>(["keys"], (api, cursor, signal) => pageOf(api.GET("/v1/api-keys", { params: { query: { limit: 100, cursor } }, signal })), { enabled: seesKeys });
  const rows = keys.data?.pages.flatMap((page) => page.rows);
  const role = t.roles[(me.role ?? "") as keyof typeof t.roles] ?? t.bar.organizationOnly;
  return (
    <Page title={t.nav.overview} lead={t.overview.lead(role)}>
      {seesUsage && <Spending keys={rows ? rows.filter((key) => key.status === "active").length : null} />}
      {seesBudgets && <Budgets />}
      {rows && <DueKeys keys={rows} />}
    </Page>
  );
}

import { Button, Checkbox, Group, Modal, NativeSelect, Progress, Stack, TextInput } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { dataOf, pageOf, type Schemas } from "../api/client";
import { useChange, usePages } from "../api/queries";
import { Id, Soft, Time } from "../frame/Facts";
import { Go } from "../frame/Go";
import { dollars, isAmount, money } from "../frame/money";
import { Page } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages, Refusal } from "../frame/States";
import { useMay } from "../frame/workspace";
import look from "../keys/keys.module.css";
import { t } from "../texts";
import { useCrews, useKeyNames, useMembers, type Key } from "./reads";

const route = getRouteApi("/w/$workspaceId/gateway/budgets");
const words = t.gateway.budgets;

export type Budget = Schemas["BudgetAnswer"];
type Scope = keyof typeof words.scopes;

/** Used up in whole percent, more than 100 where there is debt. */
export function percentOf(budget: Budget): number {
  const free = dollars(budget.standing?.free_usd ?? budget.amount_usd) - dollars(budget.standing?.debt_usd ?? "0");
  return Math.round((1 - free / Math.max(dollars(budget.amount_usd), 1e-9)) * 100);
}

/** How much of it is used, as a bar and in words. */
export function Meter({ of }: { of: Budget }) {
  const percent = percentOf(of);
  return <Progress value={Math.min(percent, 100)} w={130} color={percent >= 100 ? "red" : percent >= 80 ? "yellow" : "teal"} aria-label={t.overview.used(percent)} />;
}

/** A scope in words where the names are known. */
export function ScopeName({ scope, keys }: { scope: string; keys: Map<string, Key> }) {
  const [level = "", id] = scope.split(":");
  const name = id ? keys.get(id)?.name : undefined;
  const word = words.scopes[level as Scope] ?? level;
  return id ? <span>{word}: {name ?? <Id id={id} />}</span> : <span>{word}</span>;
}

function Which({ scope, value, onChange }: { scope: Scope; value: string; onChange: (id: string) => void }) {
  const keys = useKeyNames(scope === "key");
  const members = useMembers(scope === "user");
  const crews = useCrews();
  const offered = {
    key: [...keys.values()].filter((key) => key.status === "active").map((key) => ({ value: key.id, label: `${key.name} (…${key.last4})` })),
    user: (members.data?.pages.flatMap((page) => page.rows) ?? []).map((member) => ({ value: member.user_id, label: member.name ?? member.email ?? member.user_id })),
    crew: (crews.data?.pages.flatMap((page) => page.rows) ?? []).map((crew) => ({ value: crew.id, label: crew.name })),
    workspace: [],
    organization: [],
  }[scope];
  return scope === "workspace" || scope === "organization" ? null : (
    <NativeSelect label={words.which} value={value} onChange={(event) => onChange(event.currentTarget.value)} data={[{ value: "", label: "" }, ...offered]} required />
  );
}

function BudgetForm({ onMade }: { onMade: () => void }) {
  const ofOrganization = useMay("workspaces:write");
  const [scope, setScope] = useState<Scope>("key");
  const [id, setId] = useState("");
  const [amount, setAmount] = useState("10.00");
  const [window, setWindow] = useState("day");
  const [mode, setMode] = useState("strict");
  const [clamp, setClamp] = useState(false);
  const add = useChange<null, Budget>((api, _, key) => dataOf(api.POST("/v1/budgets", {
    body: { scope: scope === "workspace" || scope === "organization" ? scope : `${scope}:${id}`, amount_usd: amount, window, mode, ...(clamp ? { clamp_output: true } : {}) },
    params: { header: { "Idempotency-Key": key } },
  })), [["budgets"]]);
  const scopes = (Object.keys(words.scopes) as Scope[]).filter((one) => ofOrganization || (one !== "organization" && one !== "workspace"));
  return (
    <form onSubmit={(event) => {
      event.preventDefault();
      add.mutate(null, { onSuccess: onMade });
    }}>
      <Stack>
        <NativeSelect label={words.scope} value={scope} onChange={(event) => { setScope(event.currentTarget.value as Scope); setId(""); }} data={scopes.map((value) => ({ value, label: words.scopes[value] }))} />
        <Which scope={scope} value={id} onChange={setId} />
        <div className={look.pair}>
          <TextInput label={words.amount} inputMode="decimal" value={amount} error={isAmount(amount) ? undefined : t.keys.make.badAmount} onChange={(event) => setAmount(event.currentTarget.value)} />
          <NativeSelect label={words.window} value={window} onChange={(event) => setWindow(event.currentTarget.value)} data={Object.entries(words.windows).map(([value, label]) => ({ value, label }))} />
        </div>
        <NativeSelect label={words.mode} value={mode} onChange={(event) => setMode(event.currentTarget.value)} data={Object.entries(words.modes).map(([value, label]) => ({ value, label }))} />
        <Checkbox label={words.clamp} checked={clamp} onChange={(event) => setClamp(event.currentTarget.checked)} />
        {add.error && <Refusal fault={add.error} />}
        <Group justify="flex-end"><Button type="submit" loading={add.isPending} disabled={!isAmount(amount)}>{words.submit}</Button></Group>
      </Stack>
    </form>
  );
}

export function Budgets() {
  const { add } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMay("budgets:write");
  const keys = useKeyNames(useMay("api_keys:read"));
  const budgets = usePages<Budget>(["budgets"], (api, cursor, signal) => pageOf(api.GET("/v1/budgets", { params: { query: { limit: 100, cursor } }, signal })));
  const open = (isOpen: boolean) => void navigate({ search: isOpen ? { add: true } : { add: undefined } });
  const button = mayWrite && <Button onClick={() => open(true)}>{words.add}</Button>;
  return (
    <Page title={words.title} lead={words.lead} actions={button}>
      <LoadedPages of={budgets} empty={<Empty title={words.empty} text={words.emptyText} action={button || undefined} />}>
        {(rows) => (
          <Rows caption={words.title} rows={rows} keyOf={(budget) => budget.id} columns={[
            { name: words.scope, of: (budget) => <Go to={`/gateway/budgets/${budget.id}`}><ScopeName scope={budget.scope} keys={keys} /></Go> },
            { name: words.amount, of: (budget) => money(budget.amount_usd), number: true },
            { name: words.window, of: (budget) => words.windows[budget.window as keyof typeof words.windows] ?? budget.window },
            { name: words.mode, of: (budget) => words.modeNames[budget.mode as keyof typeof words.modeNames] ?? budget.mode },
            { name: words.used, of: (budget) => <Meter of={budget} /> },
            { name: words.left, of: (budget) => budget.standing ? money(budget.standing.free_usd) : <Soft>{t.unknown}</Soft>, number: true },
            { name: words.resets, of: (budget) => budget.standing?.resets_at ? <Time at={budget.standing.resets_at} /> : <Soft>{words.never}</Soft> },
          ]} />
        )}
      </LoadedPages>
      <Modal opened={add === true && mayWrite} onClose={() => open(false)} title={words.add}><BudgetForm onMade={() => open(false)} /></Modal>
    </Page>
  );
}

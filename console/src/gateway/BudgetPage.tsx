import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { dataOf, type Schemas } from "../api/client";
import { useChange, useRead } from "../api/queries";
import { Confirm } from "../frame/Confirm";
import { Fields, Id, Soft, Time } from "../frame/Facts";
import { isAmount, money } from "../frame/money";
import { Page, Part } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Loaded, Refusal } from "../frame/States";
import { useMay, useWorkspaceId } from "../frame/workspace";
import { t } from "../texts";
import { Meter, ScopeName, type Budget } from "./Budgets";
import { useKeyNames } from "./reads";

const route = getRouteApi("/w/$workspaceId/gateway/budgets/$id");
const words = t.gateway.budgets;

function Change({ of }: { of: Budget }) {
  const [isOpen, setOpen] = useState(false);
  const [amount, setAmount] = useState(of.amount_usd.replace(/0{1,7}$/, ""));
  const change = useChange<string, Budget>((api, input) => dataOf(api.PATCH("/v1/budgets/{id}", { params: { path: { id: of.id } }, body: { amount_usd: input } })), [["budgets"]]);
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>{words.change}</Button>
      <Modal opened={isOpen} onClose={() => setOpen(false)} title={words.change}>
        <form onSubmit={(event) => {
          event.preventDefault();
          change.mutate(amount, { onSuccess: () => setOpen(false) });
        }}>
          <Stack>
            <TextInput label={words.amount} inputMode="decimal" value={amount} error={isAmount(amount) ? undefined : t.keys.make.badAmount} onChange={(event) => setAmount(event.currentTarget.value)} />
            {change.error && <Refusal fault={change.error} />}
            <Group justify="flex-end"><Button type="submit" disabled={!isAmount(amount)} loading={change.isPending}>{t.save}</Button></Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

function Remove({ of }: { of: Budget }) {
  const [isOpen, setOpen] = useState(false);
  const workspaceId = useWorkspaceId();
  const navigate = useNavigate();
  const remove = useChange<null, Budget>((api) => dataOf(api.DELETE("/v1/budgets/{id}", { params: { path: { id: of.id } } })));
  return (
    <>
      <Button variant="outline" color="red" onClick={() => setOpen(true)}>{words.remove}</Button>
      <Confirm opened={isOpen} title={words.remove} submit={words.remove} isBusy={remove.isPending} fault={remove.error} onClose={() => setOpen(false)}
        onSubmit={() => remove.mutate(null, { onSuccess: () => void navigate({ to: "/w/$workspaceId/gateway/budgets", params: { workspaceId }, search: { add: undefined } }) })}>
        <Text size="sm">{words.removeText}</Text>
      </Confirm>
    </>
  );
}

function Explain({ id }: { id: string }) {
  const keys = useKeyNames(useMay("api_keys:read"));
  const explained = useRead<Schemas["ExplainBudgetAnswer"]>(["budgets", id, "explain"], (api, signal) =>
    dataOf(api.GET("/v1/budgets/{id}/explain", { params: { path: { id } }, signal })), { everyMilliseconds: 5_000 });
  return (
    <Part title={words.explain}>
      <Loaded of={explained}>
        {(answer) => (
          <Stack>
            <Alert color={answer.blocked ? "red" : "teal"} title={answer.blocked ? words.blocked : words.free}>{words.explainText}</Alert>
            <Rows caption={words.explain} rows={answer.levels} keyOf={(level, index) => `${level.level}${index}`} columns={[
              { name: words.level, of: (level) => level.budget ? <ScopeName scope={level.budget.scope} keys={keys} /> : words.above },
              { name: words.cap, of: (level) => level.budget ? money(level.budget.amount_usd) : <Soft>{t.unknown}</Soft>, number: true },
              { name: words.settled, of: (level) => level.budget ? money(level.budget.settled_usd) : <Soft>{t.unknown}</Soft>, number: true },
              { name: words.held, of: (level) => level.budget ? money(level.budget.held_usd) : <Soft>{t.unknown}</Soft>, number: true },
              { name: words.lost, of: (level) => level.budget ? money(level.budget.lost_usd) : <Soft>{t.unknown}</Soft>, number: true },
              { name: words.left, of: (level) => level.budget ? money(level.budget.free_usd) : <Soft>{t.unknown}</Soft>, number: true },
              { name: words.resets, of: (level) => level.resets_at ? <Time at={level.resets_at} /> : <Soft>{words.never}</Soft> },
            ]} />
          </Stack>
        )}
      </Loaded>
    </Part>
  );
}

export function BudgetPage() {
  const { id } = route.useParams();
  const mayWrite = useMay("budgets:write");
  const keys = useKeyNames(useMay("api_keys:read"));
  const budget = useRead<Budget>(["budgets", id], (api, signal) => dataOf(api.GET("/v1/budgets/{id}", { params: { path: { id } }, signal })));
  return (
    <Loaded of={budget}>
      {(one) => (
        <Page title={words.windows[one.window as keyof typeof words.windows] === undefined ? words.title : `${money(one.amount_usd)} · ${words.windows[one.window as keyof typeof words.windows]}`}
          lead={<Group gap="sm"><ScopeName scope={one.scope} keys={keys} /><Id id={one.id} /></Group>} actions={mayWrite && <><Change of={one} /><Remove of={one} /></>}>
          <Fields of={[
            [words.used, <Meter key="used" of={one} />],
            [words.settled, money(one.standing?.settled_usd ?? "0")],
            [words.held, money(one.standing?.held_usd ?? "0")],
            [words.lost, money(one.standing?.lost_usd ?? "0")],
            [words.left, money(one.standing?.free_usd ?? one.amount_usd)],
            [words.debt, money(one.standing?.debt_usd ?? "0")],
            [words.mode, words.modeNames[one.mode as keyof typeof words.modeNames] ?? one.mode],
            [words.resets, one.standing?.resets_at ? <Time key="resets" at={one.standing.resets_at} /> : words.never],
          ]} />
          <Explain id={id} />
        </Page>
      )}
    </Loaded>
  );
}

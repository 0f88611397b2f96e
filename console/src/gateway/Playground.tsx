import { Badge, Button, Group, NativeSelect, NumberInput, Stack, Text, Textarea } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { asFault, type Fault } from "../api/fault";
import classes from "../frame/frame.module.css";
import { Go } from "../frame/Go";
import { count } from "../frame/money";
import { Page } from "../frame/Page";
import { Empty, Loaded, Refusal } from "../frame/States";
import { useMay, useWorkspaceId } from "../frame/workspace";
import look from "../keys/keys.module.css";
import { t } from "../texts";
import { ask, type Answer, type Message } from "./conversation";
import { useCallableModels, useCrews } from "./reads";

const route = getRouteApi("/w/$workspaceId/gateway/playground");
const words = t.gateway.playground;

interface Turn {
  asked: string;
  answer: Answer | null;
  fault: Fault | null;
  wasStopped: boolean;
}

/** What is said goes out with the next question, and nowhere else. */
function messagesOf(turns: Turn[], system: string, asked: string): Message[] {
  return [
    ...(system.trim() ? [{ role: "system", content: system } as const] : []),
    ...turns.filter((turn) => turn.answer).flatMap((turn) => [{ role: "user", content: turn.asked }, { role: "assistant", content: turn.answer?.text ?? "" }] as Message[]),
    { role: "user", content: asked },
  ];
}

function Said({ turn }: { turn: Turn }) {
  const { answer } = turn;
  return (
    <Stack gap="xs" className={classes.card}>
      <Text size="xs" fw={700} c="dimmed">{words.you}</Text>
      <Text size="sm" className={classes.said}>{turn.asked}</Text>
      <Text size="xs" fw={700} c="dimmed">{words.answer}</Text>
      <Text size="sm" className={classes.said} aria-live="polite" data-testid="answer">{answer?.text ?? ""}</Text>
      {turn.wasStopped && <Text size="sm" c="dimmed">{words.stopped}</Text>}
      {turn.fault && <Refusal fault={turn.fault} />}
      {answer?.totalMs != null && (
        <Group gap="sm">
          {answer.isSandbox && <Badge variant="light" className={classes.badge}>{words.sandbox}</Badge>}
          <Text size="xs" c="dimmed">{words.stats(answer.firstMs ?? 0, answer.totalMs)}</Text>
          {answer.inputTokens !== null && <Text size="xs" c="dimmed">{words.tokens(count(answer.inputTokens), count(answer.outputTokens ?? 0))}</Text>}
          {answer.requestId && <Go to={`/gateway/requests/${answer.requestId}`}>{t.gateway.requests.request}</Go>}
        </Group>
      )}
    </Stack>
  );
}

function Talk({ models, first }: { models: string[]; first: string | undefined }) {
  const workspaceId = useWorkspaceId();
  const queries = useQueryClient();
  const crews = useCrews();
  const seesCrews = useMay("crews:read");
  const [model, setModel] = useState(first && models.includes(first) ? first : models[0] ?? "");
  const [crew, setCrew] = useState("");
  const [system, setSystem] = useState("");
  const [asked, setAsked] = useState("");
  const [maximum, setMaximum] = useState<number | string>(1024);
  const [turns, setTurns] = useState<Turn[]>([]);
  const [isBusy, setBusy] = useState(false);
  const stop = useRef<AbortController | null>(null);

  const send = async () => {
    const before = turns;
    const turn: Turn = { asked, answer: null, fault: null, wasStopped: false };
    const show = (change: Partial<Turn>) => setTurns([...before, Object.assign(turn, change)]);
    stop.current = new AbortController();
    show({});
    setAsked("");
    setBusy(true);
    try {
      const request = { model, messages: messagesOf(before, system, asked), maximum: Number(maximum) || 1024 };
      show({ answer: await ask(workspaceId, crew || null, request, stop.current.signal, (answer) => show({ answer })) });
    } catch (thrown) {
      show(stop.current.signal.aborted ? { wasStopped: true } : { fault: asFault(thrown) });
    }
    setBusy(false);
    void queries.invalidateQueries({ queryKey: [workspaceId, "usage"] });
  };

  return (
    <Stack>
      <div className={look.pair}>
        <NativeSelect label={words.model} value={model} onChange={(event) => setModel(event.currentTarget.value)} data={models} />
        {seesCrews && <NativeSelect label={words.crew} value={crew} onChange={(event) => setCrew(event.currentTarget.value)}
          data={[{ value: "", label: words.noCrew }, ...(crews.data?.pages.flatMap((page) => page.rows) ?? []).map((one) => ({ value: one.id, label: `${one.name} (${t.environments[one.environment]})` }))]} />}
        <NumberInput label={words.maximum} value={maximum} onChange={setMaximum} min={1} max={100_000} hideControls />
      </div>
      <Textarea label={words.system} value={system} onChange={(event) => setSystem(event.currentTarget.value)} rows={2} />
      {turns.length === 0 ? <Empty title={words.empty} text={words.emptyText} /> : turns.map((turn, index) => <Said key={index} turn={turn} />)}
      <form onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}>
        <Stack>
          <Textarea label={words.message} value={asked} onChange={(event) => setAsked(event.currentTarget.value)} rows={3}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && asked.trim() && !isBusy) {
                event.preventDefault();
                void send();
              }
            }} />
          <Group>
            <Button type="submit" disabled={isBusy || !asked.trim()}>{words.send}</Button>
            {isBusy && <Button variant="default" onClick={() => stop.current?.abort()}>{words.stop}</Button>}
            {turns.length > 0 && !isBusy && <Button variant="subtle" onClick={() => setTurns([])}>{words.clear}</Button>}
          </Group>
        </Stack>
      </form>
    </Stack>
  );
}

export function Playground() {
  const { model } = route.useSearch();
  const models = useCallableModels();
  return (
    <Page title={words.title} lead={words.lead}>
      <Loaded of={models}>{(ids) => <Talk models={ids.filter((id) => id !== "crew-sandbox-embed")} first={model} />}</Loaded>
    </Page>
  );
}

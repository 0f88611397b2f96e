import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { dataOf, pageOf, type Schemas } from "../api/client";
import { useChange, usePages } from "../api/queries";
import { Confirm } from "../frame/Confirm";
import { Soft, Status, Time } from "../frame/Facts";
import { brief, count, money } from "../frame/money";
import { Page, Part } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages, Refusal } from "../frame/States";
import { useMay } from "../frame/workspace";
import { t } from "../texts";
import look from "../keys/keys.module.css";
import { useProviders } from "./Providers";
import { useCallableModels } from "./reads";

const route = getRouteApi("/w/$workspaceId/gateway/models");
const words = t.gateway.models;

type Model = Schemas["ModelAnswer"];
type Target = Schemas["ListTargetsAnswer"];

/** A name for clients, one target and its price; further targets and classes of tokens come by the API. */
export function ModelForm({ providerId, onMade }: { providerId?: string; onMade: (model: Model) => void }) {
  const providers = useProviders(providerId === undefined);
  const offered = providers.data?.pages.flatMap((page) => page.rows) ?? [];
  const [chosen, setChosen] = useState("");
  const [id, setId] = useState("");
  const [upstream, setUpstream] = useState("");
  const [input, setInput] = useState("");
  const [output, setOutput] = useState("");
  const [most, setMost] = useState("");
  const target = providerId ?? (chosen || offered[0]?.id);
  const add = useChange<null, Model>((api, _, key) => dataOf(api.POST("/v1/gateway/models", {
    body: {
      id, targets: [{ provider_id: target, upstream_model: upstream || id }],
      ...(input || output ? { price_per_million_usd: { input: input || null, output: output || null } } : {}),
      ...(most ? { max_output_tokens: Number(most) } : {}),
    },
    params: { header: { "Idempotency-Key": key } },
  })), [["models"], ["callable-models"], ["targets"]]);
  return (
    <form onSubmit={(event) => {
      event.preventDefault();
      add.mutate(null, { onSuccess: onMade });
    }}>
      <Stack>
        {providerId === undefined && <NativeSelect label={words.provider} value={target} onChange={(event) => setChosen(event.currentTarget.value)} data={offered.map((provider) => ({ value: provider.id, label: provider.name }))} />}
        <TextInput label={words.id} required value={id} placeholder="gpt-4o-mini" onChange={(event) => setId(event.currentTarget.value)} />
        <TextInput label={words.upstream} value={upstream} placeholder={id || "gpt-4o-mini"} onChange={(event) => setUpstream(event.currentTarget.value)} />
        <div className={look.pair}>
          <TextInput label={words.input} inputMode="decimal" value={input} placeholder="0.15" onChange={(event) => setInput(event.currentTarget.value)} />
          <TextInput label={words.output} inputMode="decimal" value={output} placeholder="0.60" onChange={(event) => setOutput(event.currentTarget.value)} />
        </div>
        <Text size="sm" c="dimmed">{words.priceHint}</Text>
        <TextInput label={words.most} inputMode="numeric" value={most} placeholder="16384" onChange={(event) => setMost(event.currentTarget.value)} />
        {add.error && <Refusal fault={add.error} />}
        <Group justify="flex-end"><Button type="submit" loading={add.isPending}>{words.submit}</Button></Group>
      </Stack>
    </form>
  );
}

function RemoveModel({ of }: { of: Model }) {
  const [isOpen, setOpen] = useState(false);
  const remove = useChange<null, Model>((api) => dataOf(api.DELETE("/v1/gateway/models/{id}", { params: { path: { id: of.id } } })), [["models"], ["callable-models"], ["targets"]]);
  return (
    <>
      <Button size="xs" variant="subtle" color="red" aria-label={words.removeOf(of.id)} onClick={() => setOpen(true)}>{words.remove}</Button>
      <Confirm opened={isOpen} title={words.removeOf(of.id)} submit={words.remove} isBusy={remove.isPending} fault={remove.error} onClose={() => setOpen(false)}
        onSubmit={() => remove.mutate(null, { onSuccess: () => setOpen(false) })}>
        <Text size="sm">{words.removeText}</Text>
      </Confirm>
    </>
  );
}

function Health({ names }: { names: Map<string, string> }) {
  const targets = usePages<Target>(["targets"], (api, cursor, signal) => pageOf(api.GET("/v1/gateway/targets", { params: { query: { limit: 100, cursor } }, signal })), { everyMilliseconds: 5_000 });
  return (
    <Part title={words.health}>
      <LoadedPages of={targets} empty={<Text size="sm" c="dimmed">{words.noTargets}</Text>}>
        {(rows) => (
          <Rows caption={words.health} rows={rows} keyOf={(target) => `${target.model}${target.provider_id}${target.upstream_model}`} columns={[
            { name: words.id, of: (target) => target.model },
            { name: words.provider, of: (target) => names.get(target.provider_id) ?? <code>{target.provider_id}</code> },
            { name: words.health, of: (target) => <Status name={target.health.state} label={words.states[target.health.state]} /> },
            { name: words.latency, of: (target) => target.health.latency_ms === null ? <Soft>{t.unknown}</Soft> : `${Math.round(target.health.latency_ms)} ms`, number: true },
            { name: words.inFlight, of: (target) => count(target.health.in_flight), number: true },
            { name: words.requests, of: (target) => count(target.health.successes + target.health.failures), number: true },
            { name: words.failures, of: (target) => count(target.health.failures), number: true },
            { name: words.rests, of: (target) => target.health.rests_until ? <Time at={target.health.rests_until} /> : <Soft>{t.none}</Soft> },
          ]} />
        )}
      </LoadedPages>
    </Part>
  );
}

function Sandbox() {
  const callable = useCallableModels();
  const sandbox = (callable.data ?? []).filter((id) => id.startsWith("crew-sandbox-"));
  return <Text size="sm" mt="md">{words.emptyText} {sandbox.map((id) => <code key={id}>{id} </code>)}</Text>;
}

export function Models() {
  const { add } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMay("models:write");
  const seesProviders = useMay("providers:read");
  const models = usePages<Model>(["models"], (api, cursor, signal) => pageOf(api.GET("/v1/gateway/models", { params: { query: { limit: 100, cursor } }, signal })));
  const providers = useProviders(seesProviders);
  const names = new Map(providers.data?.pages.flatMap((page) => page.rows).map((provider) => [provider.id, provider.name]));
  const open = (isOpen: boolean) => void navigate({ search: isOpen ? { add: true } : { add: undefined } });
  const mayAdd = mayWrite && seesProviders;
  const price = (text: string | null | undefined) => (text ? money(text) : <Soft>{t.none}</Soft>);
  return (
    <Page title={words.title} lead={words.lead} actions={mayAdd && names.size > 0 && <Button onClick={() => open(true)}>{words.add}</Button>}>
      <LoadedPages of={models} empty={<Empty title={words.empty} text={t.gateway.providers.emptyText} />}>
        {(rows) => (
          <Rows caption={words.title} rows={rows} keyOf={(model) => model.id} columns={[
            { name: words.id, of: (model) => <code>{model.id}</code> },
            { name: words.targets, of: (model) => model.targets.map((target) => names.get(target.provider_id) ?? target.provider_id).join(", ") },
            { name: words.input, of: (model) => model.price_per_million_usd ? price(model.price_per_million_usd.input) : <Status name="denied" label={words.unpriced} />, number: true },
            { name: words.output, of: (model) => price(model.price_per_million_usd?.output), number: true },
            { name: words.cacheRead, of: (model) => price(model.price_per_million_usd?.cache_read), number: true },
            { name: words.context, of: (model) => model.context_window ? brief(model.context_window) : <Soft>{t.unknown}</Soft>, number: true },
            { name: words.most, of: (model) => model.max_output_tokens ? brief(model.max_output_tokens) : <Soft>{t.unknown}</Soft>, number: true },
            ...(mayWrite ? [{ name: words.remove, of: (model: Model) => <RemoveModel of={model} /> }] : []),
          ]} />
        )}
      </LoadedPages>
      <Sandbox />
      <Health names={names} />
      <Modal opened={add === true && mayAdd} onClose={() => open(false)} title={words.add}><ModelForm onMade={() => open(false)} /></Modal>
    </Page>
  );
}

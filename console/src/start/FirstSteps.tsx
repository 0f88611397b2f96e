import { Alert, Anchor, Button, Group, NativeSelect, Radio, Stack, Stepper, Tabs, Text, TextInput } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { dataOf, pageOf, type Schemas } from "../api/client";
import { useChange, usePages } from "../api/queries";
import { Code } from "../frame/Code";
import classes from "../frame/frame.module.css";
import { GoButton } from "../frame/Go";
import { isAmount } from "../frame/money";
import { Page } from "../frame/Page";
import { Loaded, Refusal } from "../frame/States";
import { useMay, usePlace } from "../frame/workspace";
import { ModelForm } from "../gateway/Models";
import { ProviderForm, TestProvider, type Provider } from "../gateway/Providers";
import { useCallableModels, type Key } from "../gateway/reads";
import { Attempts, type Attempt } from "../gateway/Requests";
import look from "../keys/keys.module.css";
import { Shown } from "../keys/Shown";
import { t } from "../texts";
import { samplesOf } from "./samples";

const route = getRouteApi("/w/$workspaceId/start");
const words = t.start;

type Onward = { onward: () => void };

function You({ onward }: Onward) {
  const { me } = usePlace();
  return (
    <Stack className={classes.form}>
      <Text>{words.you(me.principal.name)}</Text>
      <Text size="sm">{words.youText}</Text>
      <Anchor href="/account">{words.youLink}</Anchor>
      <Group><Button onClick={onward}>{words.next}</Button></Group>
    </Stack>
  );
}

function WorkspaceName({ onward }: Onward) {
  const { me, workspaceId } = usePlace();
  const [name, setName] = useState(me.workspace_name);
  const mayRename = useMay("workspace:write");
  const rename = useChange<string, Schemas["WorkspaceAnswer"]>((api, input) => dataOf(api.PATCH("/v1/workspaces/{id}", { params: { path: { id: workspaceId } }, body: { name: input } })), [["me"], ["workspaces"]]);
  return (
    <form className={classes.form} onSubmit={(event) => {
      event.preventDefault();
      if (name === me.workspace_name) {
        onward();
      } else {
        rename.mutate(name, { onSuccess: onward });
      }
    }}>
      <TextInput label={words.workspaceName} description={words.workspaceText} required maxLength={200} disabled={!mayRename} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      {rename.error && <Refusal fault={rename.error} />}
      <Group><Button type="submit" loading={rename.isPending}>{words.next}</Button></Group>
    </form>
  );
}

function Models({ onward, onModel }: Onward & { onModel: (model: string) => void }) {
  const mayConnect = useMay("providers:write") && useMay("models:write");
  const [source, setSource] = useState("sandbox");
  const [provider, setProvider] = useState<Provider | null>(null);
  return (
    <Stack className={classes.form}>
      <Radio.Group value={source} onChange={setSource} label={words.modelsText}>
        <Stack mt="sm">
          <Radio value="sandbox" label={words.sandbox} description={words.sandboxText} />
          {mayConnect && <Radio value="provider" label={words.provider} description={words.providerText} />}
        </Stack>
      </Radio.Group>
      {source === "sandbox" && <Group><Button onClick={() => { onModel("crew-sandbox-echo"); onward(); }}>{words.next}</Button></Group>}
      {source === "provider" && !provider && <ProviderForm onMade={setProvider} />}
      {source === "provider" && provider && (
        <>
          <Alert color="teal" title={provider.name}><Stack gap="xs"><Text size="sm">{t.gateway.providers.added}</Text><TestProvider of={provider} /></Stack></Alert>
          <ModelForm providerId={provider.id} onMade={(model) => { onModel(model.id); onward(); }} />
        </>
      )}
    </Stack>
  );
}

function FirstKey({ onward, made, onMade }: Onward & { made: Key | null; onMade: (key: Key) => void }) {
  const [name, setName] = useState("first key");
  const [cap, setCap] = useState("1.00");
  const make = useChange<{ name: string; cap: string }, Key>((api, input, key) => dataOf(api.POST("/v1/api-keys", {
    body: { name: input.name, mode: "live", permissions: ["models:invoke"], budget: { amount_usd: input.cap, window: "day", mode: "strict" } },
    params: { header: { "Idempotency-Key": key } },
  })), [["keys"], ["budgets"]]);
  if (made?.key) {
    return (
      <Stack className={classes.form}>
        <Shown text={made.key} />
        <Group><Button onClick={onward}>{words.next}</Button></Group>
      </Stack>
    );
  }
  return (
    <form className={classes.form} onSubmit={(event) => {
      event.preventDefault();
      make.mutate({ name, cap }, { onSuccess: onMade });
    }}>
      <Text size="sm">{words.keyText}</Text>
      <div className={look.pair}>
        <TextInput label={words.keyName} required maxLength={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <TextInput label={words.cap} inputMode="decimal" required value={cap} error={isAmount(cap) ? undefined : t.keys.make.badAmount} onChange={(event) => setCap(event.currentTarget.value)} />
      </div>
      {make.error && <Refusal fault={make.error} />}
      <Group><Button type="submit" loading={make.isPending} disabled={!isAmount(cap)}>{words.makeKey}</Button></Group>
    </form>
  );
}

function Arrivals({ keyId }: { keyId: string }) {
  const requests = usePages<Attempt>(["requests", { key_id: keyId }], (api, cursor, signal) =>
    pageOf(api.GET("/v1/gateway/requests", { params: { query: { limit: 5, cursor, key_id: keyId } }, signal })), { everyMilliseconds: 1_000 });
  const rows = requests.data?.pages.flatMap((page) => page.rows) ?? [];
  const mayInvite = useMay("members:write");
  return (
    <div aria-live="polite">
      {rows.length === 0
        ? <Alert color="blue" title={words.waiting} />
        : (
          <Stack>
            <Alert color="teal" title={words.arrived}>{words.arrivedText}</Alert>
            <Attempts rows={rows} caption={t.gateway.requests.title} />
            <Group>
              <GoButton to={`/keys/${keyId}`} variant="default">{words.toKey}</GoButton>
              <GoButton to="/gateway/usage" search={{ by: "key" }} variant="default">{words.toUsage}</GoButton>
              {mayInvite && <GoButton to="/people" search={{ invite: true }}>{words.finish}</GoButton>}
            </Group>
          </Stack>
        )}
    </div>
  );
}

function FirstRequest({ made, model, onModel }: { made: Key | null; model: string; onModel: (model: string) => void }) {
  const models = useCallableModels();
  if (!made?.key) {
    return <Alert color="yellow">{words.keyMissing}</Alert>;
  }
  const samples = samplesOf(window.location.origin, made.key, model);
  return (
    <Stack>
      <Text size="sm">{words.requestText}</Text>
      <Loaded of={models}>
        {(ids) => <NativeSelect label={words.model} maw={320} value={model} onChange={(event) => onModel(event.currentTarget.value)} data={ids.filter((id) => id !== "crew-sandbox-embed")} />}
      </Loaded>
      <Tabs defaultValue={samples[0]?.id} keepMounted={false}>
        <Tabs.List mb="sm">{samples.map((sample) => <Tabs.Tab key={sample.id} value={sample.id}>{sample.name}</Tabs.Tab>)}</Tabs.List>
        {samples.map((sample) => (
          <Tabs.Panel key={sample.id} value={sample.id}>
            <Stack gap="xs">
              {sample.install && <Text size="sm">{words.install}: <code>{sample.install}</code></Text>}
              <Code text={sample.code} label={sample.name} />
            </Stack>
          </Tabs.Panel>
        ))}
      </Tabs>
      <Arrivals keyId={made.id} />
    </Stack>
  );
}

export function FirstSteps() {
  const { step } = route.useSearch();
  const navigate = route.useNavigate();
  const [made, setMade] = useState<Key | null>(null);
  const [model, setModel] = useState("crew-sandbox-echo");
  const at = Math.min(Math.max(Number(step ?? "1") || 1, 1), words.steps.length) - 1;
  const go = (next: number) => void navigate({ search: { step: String(next + 1) } });
  const onward = () => go(at + 1);
  return (
    <Page title={words.title} lead={words.lead}>
      <Stepper active={at} onStepClick={go} size="sm" className={classes.stepper} mb="lg" aria-label={words.title}>
        {words.steps.map((name) => <Stepper.Step key={name} label={name} />)}
      </Stepper>
      {at === 0 && <You onward={onward} />}
      {at === 1 && <WorkspaceName onward={onward} />}
      {at === 2 && <Models onward={onward} onModel={setModel} />}
      {at === 3 && <FirstKey onward={onward} made={made} onMade={setMade} />}
      {at === 4 && <FirstRequest made={made} model={model} onModel={setModel} />}
    </Page>
  );
}

import { Alert, Button, MultiSelect, NativeSelect, Radio, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { dataOf } from "../api/client";
import { useChange } from "../api/queries";
import classes from "../frame/frame.module.css";
import { GoButton } from "../frame/Go";
import { Page } from "../frame/Page";
import { Refusal } from "../frame/States";
import { useMay, usePlace } from "../frame/workspace";
import { useCallableModels, type Key } from "../gateway/reads";
import { t } from "../texts";
import { complaintsOf, newDraft, requestOf, type Complaints, type Draft } from "./draft";
import look from "./keys.module.css";
import { keepDraft, keptDraft } from "./kept";
import { Permissions } from "./Permissions";
import { presetOf, presets, presetsFor, type Preset } from "./rights";
import { Shown } from "./Shown";

type Part = { draft: Draft; set: (change: Partial<Draft>) => void; complaints: Complaints };

function Reach({ draft, set }: Part) {
  return (
    <Radio.Group label={t.keys.make.reach} description={t.keys.make.reachHint} value={draft.reach} onChange={(value) => set({ reach: value as Draft["reach"] })}>
      <Stack gap="xs" mt="xs">
        {Object.entries(t.keys.make.reaches).map(([reach, text]) => <Radio key={reach} value={reach} label={text} color={reach === "production" ? "red" : undefined} />)}
      </Stack>
    </Radio.Group>
  );
}

function Kind({ draft, set }: Part) {
  return (
    <Radio.Group label={t.keys.make.kind} value={draft.kind} onChange={(value) => set({ kind: value as Draft["kind"] })}>
      <Stack gap="xs" mt="xs">{Object.entries(t.keys.make.kinds).map(([kind, text]) => <Radio key={kind} value={kind} label={text} />)}</Stack>
    </Radio.Group>
  );
}

function Rights({ draft, set, complaints }: Part) {
  const { me } = usePlace();
  const preset = presetOf(draft.permissions);
  return (
    <Stack gap="sm">
      <Radio.Group label={t.keys.make.preset} value={preset} onChange={(name) => set({ permissions: presets[name as Preset] })}>
        <div className={look.presets}>
          {presetsFor(me.permissions).map((name) => (
            <div key={name} className={look.preset} data-chosen={preset === name}>
              <Radio value={name} label={t.keys.presets[name].name} description={t.keys.presets[name].text} />
            </div>
          ))}
        </div>
      </Radio.Group>
      <Permissions own={me.permissions} chosen={draft.permissions} onChange={(permissions) => set({ permissions })} error={complaints.permissions} />
    </Stack>
  );
}

function Cap({ draft, set, complaints }: Part) {
  return (
    <Stack gap="xs">
      <div className={look.pair}>
        <NativeSelect label={t.keys.make.window} value={draft.window} onChange={(event) => set({ window: event.currentTarget.value as Draft["window"] })}
          data={Object.entries(t.keys.make.windows).map(([value, label]) => ({ value, label }))} />
        {draft.window !== "none" && <TextInput label={t.keys.make.amount} value={draft.amount} inputMode="decimal" error={complaints.amount} onChange={(event) => set({ amount: event.currentTarget.value })} />}
      </div>
      <Text size="sm" c="dimmed">{t.keys.make.budgetHint}</Text>
      {draft.window === "none" && draft.permissions.includes("models:invoke") && <Alert color="yellow">{t.keys.make.noSpend}</Alert>}
    </Stack>
  );
}

function Limits({ draft, set, complaints }: Part) {
  const models = useCallableModels(useMay("models:read"));
  return (
    <Stack gap="sm">
      <MultiSelect label={t.keys.make.models} description={t.keys.make.modelsHint} data={models.data ?? []} value={draft.models} onChange={(value) => set({ models: value })} searchable clearable
        clearButtonProps={{ "aria-label": t.remove }} />
      <Textarea label={t.keys.make.ips} description={t.keys.make.ipsHint} value={draft.ips} error={complaints.ips} rows={2} onChange={(event) => set({ ips: event.currentTarget.value })} />
      <div className={look.pair}>
        <TextInput label={t.keys.make.rate} description={t.keys.make.rateHint} inputMode="numeric" value={draft.rate} error={complaints.rate} onChange={(event) => set({ rate: event.currentTarget.value })} />
        <TextInput label={t.keys.make.expires} description={t.keys.make.expiresHint} type="date" value={draft.expires} onChange={(event) => set({ expires: event.currentTarget.value })} />
      </div>
    </Stack>
  );
}

export function NewKey() {
  const { me, workspaceId } = usePlace();
  const mayChoose = useMay("api_keys:write") && me.permissions.includes("api_keys:self");
  const [draft, setDraft] = useState<Draft>(() => ({ ...newDraft, kind: me.permissions.includes("api_keys:write") ? "service" : "user", ...keptDraft(workspaceId) }));
  const [isTried, setTried] = useState(false);
  const make = useChange<Draft, Key>((api, input, key) => dataOf(api.POST("/v1/api-keys", { body: requestOf(input), params: { header: { "Idempotency-Key": key } } })), [["keys"], ["budgets"]]);
  const complaints = isTried ? complaintsOf(draft) : {};
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  // Proving who one is leads away from here and back; what was filled in is still there then.
  useEffect(() => keepDraft(workspaceId, make.isSuccess ? null : draft), [workspaceId, draft, make.isSuccess]);

  if (make.data?.key) {
    return (
      <Page title={t.keys.made.title}>
        <Stack className={classes.form}>
          <Shown text={make.data.key} />
          <GoButton to={`/keys/${make.data.id}`}>{t.keys.made.done}</GoButton>
        </Stack>
      </Page>
    );
  }

  const part = { draft, set, complaints };
  return (
    <Page title={t.keys.make.title} lead={t.keys.make.lead}>
      <form className={classes.form} noValidate onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (Object.keys(complaintsOf(draft)).length === 0) {
          make.mutate(draft);
        }
      }}>
        <TextInput label={t.keys.make.name} description={t.keys.make.nameHint} value={draft.name} error={complaints.name} required onChange={(event) => set({ name: event.currentTarget.value })} />
        {mayChoose && <Kind {...part} />}
        <Reach {...part} />
        <Rights {...part} />
        <Cap {...part} />
        <Limits {...part} />
        {make.error && <Refusal fault={make.error} />}
        <Button type="submit" loading={make.isPending}>{t.keys.make.submit}</Button>
      </form>
    </Page>
  );
}

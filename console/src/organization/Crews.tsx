import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { dataOf, type Schemas } from "../api/client";
import { useChange } from "../api/queries";
import { Environment, Fields, Id, Time } from "../frame/Facts";
import classes from "../frame/frame.module.css";
import { Go } from "../frame/Go";
import { Page } from "../frame/Page";
import { Empty, LoadedPages, Refusal } from "../frame/States";
import { useMay } from "../frame/workspace";
import { useCrews } from "../gateway/reads";
import { t } from "../texts";

type Crew = Schemas["CrewAnswer"];

const order = ["production", "staging", "development"];

function Add() {
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState("");
  const [environment, setEnvironment] = useState("development");
  const add = useChange<null, Crew>((api, _, key) => dataOf(api.POST("/v1/crews", { body: { name, environment }, params: { header: { "Idempotency-Key": key } } })), [["crews"]]);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t.crews.add}</Button>
      <Modal opened={isOpen} onClose={() => setOpen(false)} title={t.crews.add}>
        <form onSubmit={(event) => {
          event.preventDefault();
          add.mutate(null, { onSuccess: () => setOpen(false) });
        }}>
          <Stack>
            <TextInput label={t.crews.name} required value={name} onChange={(event) => setName(event.currentTarget.value)} />
            <NativeSelect label={t.crews.environment} value={environment} onChange={(event) => setEnvironment(event.currentTarget.value)} data={Object.entries(t.environments).map(([value, label]) => ({ value, label }))} />
            {add.error && <Refusal fault={add.error} />}
            <Group justify="flex-end"><Button type="submit" loading={add.isPending}>{t.crews.add}</Button></Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

function Card({ of }: { of: Crew }) {
  const seesAccess = useMay("members:read");
  return (
    <section className={`${classes.card} ${classes[of.environment]}`} aria-label={of.name}>
      <Stack gap="sm">
        <Group justify="space-between"><Title order={2}>{of.name}</Title><Environment name={of.environment} /></Group>
        {of.environment === "production" && <Text size="sm">{t.crews.production}</Text>}
        <Fields of={[
          [t.crews.allowed, of.settings.allowed_models ? t.crews.models(of.settings.allowed_models.length) : t.crews.noModels],
          [t.crews.created, <Time key="created" at={of.created_at} />],
        ]} />
        {of.settings.zero_logging && <Text size="sm">{t.crews.zeroLogging}</Text>}
        {seesAccess && <Go to={`/crews/${of.id}`}>{t.access.title}</Go>}
        <Id id={of.id} />
      </Stack>
    </section>
  );
}

export function Crews() {
  const crews = useCrews();
  const mayWrite = useMay("crews:write");
  return (
    <Page title={t.nav.crews} lead={t.crews.lead} actions={mayWrite && <Add />}>
      <LoadedPages of={crews} empty={<Empty title={t.none} />}>
        {(rows) => (
          <div className={classes.cards}>
            {[...rows].sort((a, b) => order.indexOf(a.environment) - order.indexOf(b.environment) || a.name.localeCompare(b.name)).map((crew) => <Card key={crew.id} of={crew} />)}
          </div>
        )}
      </LoadedPages>
    </Page>
  );
}

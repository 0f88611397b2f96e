import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { dataOf, pageOf, type Schemas } from "../api/client";
import { useChange, usePages } from "../api/queries";
import { Confirm } from "../frame/Confirm";
import { Id, Status, Time } from "../frame/Facts";
import { count } from "../frame/money";
import { Page } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages, Refusal } from "../frame/States";
import { useMay, useWorkspaceId } from "../frame/workspace";
import { t } from "../texts";

const words = t.organization;

type Workspace = Schemas["WorkspaceAnswer"];

function Add() {
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState("");
  const [plan, setPlan] = useState("enterprise");
  const add = useChange<null, Workspace>((api, _, key) => dataOf(api.POST("/v1/workspaces", { body: { name, plan }, params: { header: { "Idempotency-Key": key } } })), [["workspaces"], ["me"]]);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{words.add}</Button>
      <Modal opened={isOpen} onClose={() => setOpen(false)} title={words.add}>
        <form onSubmit={(event) => {
          event.preventDefault();
          add.mutate(null, { onSuccess: () => setOpen(false) });
        }}>
          <Stack>
            <TextInput label={words.name} required value={name} onChange={(event) => setName(event.currentTarget.value)} />
            <NativeSelect label={words.plan} value={plan} onChange={(event) => setPlan(event.currentTarget.value)} data={["starter", "professional", "enterprise"]} />
            {add.error && <Refusal fault={add.error} />}
            <Group justify="flex-end"><Button type="submit" loading={add.isPending}>{words.add}</Button></Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

function Suspension({ of }: { of: Workspace }) {
  const [isOpen, setOpen] = useState(false);
  const change = useChange<boolean, Workspace>((api, resume) =>
    dataOf(resume ? api.POST("/v1/workspaces/{id}/resume", { params: { path: { id: of.id } } }) : api.POST("/v1/workspaces/{id}/suspend", { params: { path: { id: of.id } } })), [["workspaces"]]);
  if (of.suspended) {
    return <Button size="xs" variant="default" loading={change.isPending} aria-label={words.resumeOf(of.name)} onClick={() => change.mutate(true)}>{words.resume}</Button>;
  }
  return (
    <>
      <Button size="xs" variant="subtle" color="red" aria-label={words.suspendOf(of.name)} onClick={() => setOpen(true)}>{words.suspend}</Button>
      <Confirm opened={isOpen} title={words.suspendOf(of.name)} submit={words.suspend} isBusy={change.isPending} fault={change.error} onClose={() => setOpen(false)}
        onSubmit={() => change.mutate(false, { onSuccess: () => setOpen(false) })}>
        <Text size="sm">{words.suspendText}</Text>
      </Confirm>
    </>
  );
}

/** The organization's workspaces, each a client. */
export function Workspaces() {
  const here = useWorkspaceId();
  const navigate = useNavigate();
  const mayWrite = useMay("workspaces:write");
  const workspaces = usePages<Workspace>(["workspaces"], (api, cursor, signal) => pageOf(api.GET("/v1/workspaces", { params: { query: { limit: 100, cursor } }, signal })));
  return (
    <Page title={t.nav.clients} lead={words.lead} actions={mayWrite && <Add />}>
      <LoadedPages of={workspaces} empty={<Empty title={t.none} />}>
        {(rows) => (
          <Rows caption={t.nav.clients} rows={rows} keyOf={(workspace) => workspace.id} columns={[
            { name: words.name, of: (workspace) => workspace.name },
            { name: "Id", of: (workspace) => <Id id={workspace.id} /> },
            { name: words.plan, of: (workspace) => workspace.plan },
            { name: words.rate, of: (workspace) => count(workspace.requests_per_minute), number: true },
            { name: words.status, of: (workspace) => <Status name={workspace.suspended ? "denied" : "active"} label={workspace.suspended ? words.suspended : words.active} /> },
            { name: words.created, of: (workspace) => <Time at={workspace.created_at} /> },
            { name: words.open, of: (workspace) => (
              <Group gap="xs" wrap="nowrap">
                <Button size="xs" variant="default" disabled={workspace.suspended} onClick={() => void navigate({ to: "/w/$workspaceId", params: { workspaceId: workspace.id } })}>{words.open}</Button>
                {mayWrite && workspace.id !== here && <Suspension of={workspace} />}
              </Group>
            ) },
          ]} />
        )}
      </LoadedPages>
    </Page>
  );
}

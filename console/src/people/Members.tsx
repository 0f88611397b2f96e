import { Button, Group, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { dataOf, type Schemas } from "../api/client";
import { useChange } from "../api/queries";
import { Confirm } from "../frame/Confirm";
import { Environment, Soft, Time } from "../frame/Facts";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages, Refusal } from "../frame/States";
import { useMay, usePlace } from "../frame/workspace";
import { useMembers } from "../gateway/reads";
import { t } from "../texts";
import { Narrowing } from "./Invite";
import { rolesToGive, type Role } from "./roleOffers";

export type Member = Schemas["MemberRoutesAnswer"];

const nameOf = (member: Member) => member.name ?? member.email ?? member.user_id;

function Change({ of }: { of: Member }) {
  const { me } = usePlace();
  const [isOpen, setOpen] = useState(false);
  const [role, setRole] = useState(of.role as Role);
  const [narrowed, setNarrowed] = useState<string[]>(of.environments ?? []);
  const [content, setContent] = useState(of.content_access);
  const change = useChange<null, Member>((api) => dataOf(api.PATCH("/v1/members/{id}", {
    params: { path: { id: of.id } },
    // All three lift a narrowing; none given would leave it as it is.
    body: { role, environments: narrowed.length > 0 ? narrowed : ["development", "staging", "production"], content_access: content },
  })), [["members"]]);
  return (
    <>
      <Button size="xs" variant="default" aria-label={t.people.changeOf(nameOf(of))} onClick={() => setOpen(true)}>{t.people.change}</Button>
      <Modal opened={isOpen} onClose={() => setOpen(false)} title={t.people.changeOf(nameOf(of))}>
        <form onSubmit={(event) => {
          event.preventDefault();
          change.mutate(null, { onSuccess: () => setOpen(false) });
        }}>
          <Stack>
            <NativeSelect label={t.people.role} value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}
              data={rolesToGive(me).filter((one) => !one.startsWith("org_")).map((value) => ({ value, label: t.roles[value] }))} />
            <Text size="sm">{t.people.roleTexts[role]}</Text>
            <Narrowing chosen={narrowed} onChange={setNarrowed} content={content} onContent={setContent} />
            {change.error && <Refusal fault={change.error} />}
            <Group justify="flex-end"><Button type="submit" loading={change.isPending}>{t.save}</Button></Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

function Remove({ of }: { of: Member }) {
  const [isOpen, setOpen] = useState(false);
  const remove = useChange<null, Member>((api) => dataOf(api.DELETE("/v1/members/{id}", { params: { path: { id: of.id } } })), [["members"]]);
  return (
    <>
      <Button size="xs" variant="subtle" color="red" aria-label={t.people.removeOf(nameOf(of))} onClick={() => setOpen(true)}>{t.people.remove}</Button>
      <Confirm opened={isOpen} title={t.people.removeOf(nameOf(of))} submit={t.people.remove} isBusy={remove.isPending} fault={remove.error} onClose={() => setOpen(false)}
        onSubmit={() => remove.mutate(null, { onSuccess: () => setOpen(false) })}>
        <Text size="sm">{t.people.removeText}</Text>
      </Confirm>
    </>
  );
}

export function Members() {
  const { me } = usePlace();
  const mayWrite = useMay("members:write");
  const members = useMembers(true);
  const acts = (member: Member) => mayWrite && (member.role !== "owner" || me.role === "owner");
  return (
    <LoadedPages of={members} empty={<Empty title={t.none} />}>
      {(rows) => (
        <Rows caption={t.people.tabs.members} rows={rows} keyOf={(member) => member.id} columns={[
          { name: t.people.name, of: (member) => <>{nameOf(member)} {member.user_id === me.principal.id && <Soft>({t.people.you})</Soft>}</> },
          { name: t.people.email, of: (member) => <>{member.email} {!member.email_verified && <Soft>({t.people.unverified})</Soft>}</> },
          { name: t.people.role, of: (member) => t.roles[member.role as Role] ?? member.role },
          { name: t.people.narrowed, of: (member) => (
            <Group gap={6} wrap="nowrap">
              {member.environments ? member.environments.map((name) => <Environment key={name} name={name} />) : <Soft>{t.people.allEnvironments}</Soft>}
              {!member.content_access && <Soft>{t.people.noContent}</Soft>}
            </Group>
          ) },
          { name: t.people.since, of: (member) => <Time at={member.created_at} /> },
          ...(mayWrite ? [{ name: t.people.change, of: (member: Member) => acts(member) && <Group gap="xs" wrap="nowrap"><Change of={member} /><Remove of={member} /></Group> }] : []),
        ]} />
      )}
    </LoadedPages>
  );
}

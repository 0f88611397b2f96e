import { Alert, Button, Checkbox, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { dataOf, type Schemas } from "../api/client";
import { useChange } from "../api/queries";
import { Copyable } from "../frame/Facts";
import classes from "../frame/frame.module.css";
import { Refusal } from "../frame/States";
import { usePlace } from "../frame/workspace";
import { t } from "../texts";
import { rolesToGive, type Role } from "./roleOffers";

const environments = ["development", "staging", "production"] as const;

/** What a role is narrowed to. */
export function Narrowing({ chosen, onChange, content, onContent }: { chosen: string[]; onChange: (chosen: string[]) => void; content: boolean; onContent: (content: boolean) => void }) {
  return (
    <>
      <Checkbox.Group label={t.people.environments} description={t.people.environmentsHint} value={chosen} onChange={onChange}>
        <Group mt="xs">{environments.map((name) => <Checkbox key={name} value={name} label={t.environments[name]} />)}</Group>
      </Checkbox.Group>
      <Checkbox label={t.people.content} checked={content} onChange={(event) => onContent(event.currentTarget.checked)} />
    </>
  );
}

export function Invite({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const { me } = usePlace();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [narrowed, setNarrowed] = useState<string[]>([]);
  const [content, setContent] = useState(true);
  const invite = useChange<null, Schemas["InvitationRoutesAnswer"]>((api, _, key) => dataOf(api.POST("/v1/invitations", {
    body: { email: email.trim(), role, ...(narrowed.length > 0 ? { environments: narrowed } : {}), ...(content ? {} : { content_access: false }) },
    params: { header: { "Idempotency-Key": key } },
  })), [["invitations"]]);
  const leave = () => {
    invite.reset();
    setEmail("");
    close();
  };
  return (
    <Modal opened={isOpen} onClose={leave} title={t.people.invite}>
      {invite.data
        ? (
          <Stack>
            <Alert color="teal" title={invite.data.email}>
              <Stack gap="sm">
                <Text size="sm">{invite.data.link ? t.people.link : t.people.mailed}</Text>
                {invite.data.link && <Copyable text={invite.data.link} label={t.people.invite}><code className={classes.secret} data-testid="invite-link">{invite.data.link}</code></Copyable>}
              </Stack>
            </Alert>
            <Button onClick={leave}>{t.done}</Button>
          </Stack>
        )
        : (
          <form onSubmit={(event) => {
            event.preventDefault();
            invite.mutate(null);
          }}>
            <Stack>
              <Text size="sm" c="dimmed">{t.people.inviteText}</Text>
              <TextInput label={t.people.email} type="email" required value={email} onChange={(event) => setEmail(event.currentTarget.value)} data-autofocus />
              <NativeSelect label={t.people.role} value={role} onChange={(event) => setRole(event.currentTarget.value as Role)} data={rolesToGive(me).map((value) => ({ value, label: t.roles[value] }))} />
              <Text size="sm">{t.people.roleTexts[role]}</Text>
              {!role.startsWith("org_") && <Narrowing chosen={narrowed} onChange={setNarrowed} content={content} onContent={setContent} />}
              {invite.error && <Refusal fault={invite.error} />}
              <Group justify="flex-end"><Button type="submit" loading={invite.isPending}>{t.people.send}</Button></Group>
            </Stack>
          </form>
        )}
    </Modal>
  );
}

import { Button, Text } from "@mantine/core";
import { useState } from "react";
import { dataOf, pageOf, type Schemas } from "../api/client";
import { useChange, usePages } from "../api/queries";
import { Confirm } from "../frame/Confirm";
import { Soft, Time } from "../frame/Facts";
import { Page } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages } from "../frame/States";
import { useMay, usePlace } from "../frame/workspace";
import { useMembers } from "../gateway/reads";
import { t } from "../texts";
import { browserOf } from "./browser";

type Session = Schemas["SessionRoutesAnswer"];

function End({ of }: { of: Session }) {
  const [isOpen, setOpen] = useState(false);
  const name = browserOf(of.user_agent) ?? t.unknown;
  const end = useChange<null, Schemas["SessionRoutesEnded"]>((api) => dataOf(api.DELETE("/v1/sessions/{id}", { params: { path: { id: of.id } } })), [["sessions"]]);
  return (
    <>
      <Button size="xs" variant="subtle" color="red" aria-label={t.sessions.endOf(name)} onClick={() => setOpen(true)}>{t.sessions.end}</Button>
      <Confirm opened={isOpen} title={t.sessions.endOf(name)} submit={t.sessions.end} isBusy={end.isPending} fault={end.error} onClose={() => setOpen(false)}
        onSubmit={() => end.mutate(null, { onSuccess: () => setOpen(false) })}>
        <Text size="sm">{t.sessions.lead}</Text>
      </Confirm>
    </>
  );
}

export function Sessions() {
  const { me } = usePlace();
  const seesAll = useMay("sessions:read");
  const endsAll = useMay("sessions:write");
  const members = useMembers(seesAll && useMay("members:read"));
  const names = new Map(members.data?.pages.flatMap((page) => page.rows).map((member) => [member.user_id, member.name ?? member.email ?? member.user_id]));
  const sessions = usePages<Session>(["sessions"], (api, cursor, signal) => pageOf(api.GET("/v1/sessions", { params: { query: { limit: 100, cursor } }, signal })));
  return (
    <Page title={t.nav.sessions} lead={t.sessions.lead}>
      <LoadedPages of={sessions} empty={<Empty title={t.none} />}>
        {(rows) => (
          <Rows caption={t.nav.sessions} rows={rows} keyOf={(session) => session.id} columns={[
            ...(seesAll ? [{ name: t.sessions.person, of: (session: Session) => names.get(session.user_id) ?? (session.user_id === me.principal.id ? me.principal.name : session.user_id) }] : []),
            { name: t.sessions.browser, of: (session) => <>{browserOf(session.user_agent) ?? t.unknown} {session.is_current && <Soft>({t.sessions.current})</Soft>}</> },
            { name: t.sessions.address, of: (session) => session.ip_address ?? <Soft>{t.unknown}</Soft> },
            { name: t.sessions.methods, of: (session) => session.methods.join(", ") },
            { name: t.sessions.seen, of: (session) => <Time at={session.last_seen_at} /> },
            { name: t.sessions.begun, of: (session) => <Time at={session.created_at} /> },
            { name: t.sessions.end, of: (session) => !session.is_current && (endsAll || session.user_id === me.principal.id) && <End of={session} /> },
          ]} />
        )}
      </LoadedPages>
    </Page>
  );
}

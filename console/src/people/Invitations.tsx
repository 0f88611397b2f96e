import { Button } from "@mantine/core";
import { dataOf, pageOf, type Schemas } from "../api/client";
import { useChange, usePages } from "../api/queries";
import { Status, Time } from "../frame/Facts";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages } from "../frame/States";
import { useMay } from "../frame/workspace";
import { t } from "../texts";
import type { Role } from "./roleOffers";

type Invitation = Schemas["InvitationRoutesAnswer"];

function TakeBack({ of }: { of: Invitation }) {
  const revoke = useChange<null, Invitation>((api) => dataOf(api.DELETE("/v1/invitations/{id}", { params: { path: { id: of.id } } })), [["invitations"]]);
  return <Button size="xs" variant="subtle" color="red" loading={revoke.isPending} aria-label={t.people.takeBackOf(of.email)} onClick={() => revoke.mutate(null)}>{t.people.takeBack}</Button>;
}

export function Invitations() {
  const mayWrite = useMay("members:write");
  const invitations = usePages<Invitation>(["invitations"], (api, cursor, signal) => pageOf(api.GET("/v1/invitations", { params: { query: { limit: 100, cursor } }, signal })));
  return (
    <LoadedPages of={invitations} empty={<Empty title={t.people.noInvitations} text={t.people.lead} />}>
      {(rows) => (
        <Rows caption={t.people.tabs.invitations} rows={rows} keyOf={(invitation) => invitation.id} columns={[
          { name: t.people.email, of: (invitation) => invitation.email },
          { name: t.people.role, of: (invitation) => t.roles[invitation.role as Role] ?? invitation.role },
          { name: t.people.status, of: (invitation) => <Status name={invitation.status === "open" ? "active" : invitation.status} label={invitation.status} /> },
          { name: t.people.since, of: (invitation) => <Time at={invitation.created_at} /> },
          { name: t.people.expires, of: (invitation) => <Time at={invitation.expires_at} /> },
          ...(mayWrite ? [{ name: t.people.takeBack, of: (invitation: Invitation) => invitation.status === "open" && <TakeBack of={invitation} /> }] : []),
        ]} />
      )}
    </LoadedPages>
  );
}

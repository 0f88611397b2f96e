import { Alert, Group } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { dataOf, type Schemas } from "../api/client";
import { useRead } from "../api/queries";
import { Environment, Id, Soft, Time } from "../frame/Facts";
import { Go } from "../frame/Go";
import { count } from "../frame/money";
import { Page, Part } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Loaded } from "../frame/States";
import { t } from "../texts";
import { PermissionList } from "../keys/Permissions";

const route = getRouteApi("/w/$workspaceId/crews/$id");
const words = t.access;

/** Who reaches one crew, and by what: the answer to the question that every review begins with. */
export function CrewPage() {
  const { id } = route.useParams();
  const access = useRead<Schemas["CrewAccessAnswer"]>(["crews", id, "access"], (api, signal) => dataOf(api.GET("/v1/crews/{id}/access", { params: { path: { id } }, signal })));
  return (
    <Page title={words.title} lead={words.lead}>
      <Loaded of={access}>
        {(all) => (
          <>
            <Group gap="sm"><Environment name={all.environment} /><Id id={all.crew_id} /></Group>
            {all.truncated && <Alert color="yellow" mt="md">{words.truncated}</Alert>}
            <Part title={words.people}>
              <Rows caption={words.people} rows={all.people} keyOf={(person, index) => `${person.membership_id}${index}`} columns={[
                { name: t.people.name, of: (person) => person.name ?? person.email ?? person.user_id },
                { name: t.people.role, of: (person) => t.roles[person.role as keyof typeof t.roles] ?? person.role },
                { name: words.via, of: (person) => person.via },
                { name: words.content, of: (person) => (person.content_access ? t.yes : t.no) },
                { name: words.used, of: (person) => <Time at={person.last_seen_at} /> },
              ]} />
            </Part>
            <Part title={words.keys}>
              <Rows caption={words.keys} rows={all.keys} keyOf={(key) => key.id} columns={[
                { name: t.keys.name, of: (key) => <Go to={`/keys/${key.id}`}>{key.name}</Go> },
                { name: words.via, of: (key) => <span>{key.via} <Soft>{key.kind}</Soft></span> },
                { name: t.keys.detail.rights, of: (key) => (key.permissions.length > 6 ? t.keys.make.chosen(key.permissions.length) : <PermissionList of={key.permissions} />) },
                { name: words.used, of: (key) => <Time at={key.last_used_at} /> },
              ]} />
            </Part>
            <Part title={words.issuers}>
              <Rows caption={words.issuers} rows={all.issuers} keyOf={(issuer) => issuer.key_id} columns={[
                { name: t.keys.name, of: (issuer) => <Go to={`/keys/${issuer.key_id}`}>{issuer.name}</Go> },
                { name: words.via, of: (issuer) => issuer.via },
                { name: words.tokens, of: (issuer) => count(issuer.live_tokens), number: true },
                { name: words.used, of: (issuer) => <Time at={issuer.last_issued_at} /> },
              ]} />
            </Part>
          </>
        )}
      </Loaded>
    </Page>
  );
}

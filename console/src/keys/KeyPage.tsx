import { Alert, Group, Stack, Text } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { dataOf, type Schemas } from "../api/client";
import { useRead } from "../api/queries";
import { Fields, Id, Soft, Status, Time } from "../frame/Facts";
import { Go } from "../frame/Go";
import { count } from "../frame/money";
import { Page, Part } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Loaded } from "../frame/States";
import { useMay } from "../frame/workspace";
import type { Key } from "../gateway/reads";
import { t } from "../texts";
import { Edit } from "./Edit";
import { Reaches } from "./KeyList";
import look from "./keys.module.css";
import { PermissionList } from "./Permissions";
import { Revoke } from "./Revoke";
import { Roll } from "./Roll";

const route = getRouteApi("/w/$workspaceId/keys/$id");

type Use = Schemas["KeyUsageAnswer"];
type Branch = Schemas["KeyTreeBranch"] & { key: Key; children: Branch[] };

/** Where, when and how often a key was used. */
export function Uses({ of, caption }: { of: Use[]; caption: string }) {
  return (
    <Rows caption={caption} rows={of} keyOf={(use, index) => `${use.day}${use.endpoint}${use.status}${index}`} columns={[
      { name: t.keys.detail.day, of: (use) => use.day },
      { name: t.keys.detail.endpoint, of: (use) => <code>{use.endpoint}</code> },
      { name: t.keys.detail.status, of: (use) => use.status, number: true },
      { name: t.keys.detail.ip, of: (use) => use.ip ?? <Soft>{t.none}</Soft> },
      { name: t.keys.detail.requests, of: (use) => count(use.requests), number: true },
      { name: t.keys.used, of: (use) => <Time at={use.last_at} /> },
    ]} />
  );
}

function Twig({ branch, here }: { branch: Branch; here: string }) {
  return (
    <li>
      <span className={look.branch}>
        {branch.key.id === here ? <strong>{branch.key.name}</strong> : <Go to={`/keys/${branch.key.id}`}>{branch.key.name}</Go>}
        <Status name={branch.key.status} />
        <code>{branch.key.prefix}…{branch.key.last4}</code>
      </span>
      {branch.children.length > 0 && <ul>{branch.children.map((child) => <Twig key={child.key.id} branch={child} here={here} />)}</ul>}
    </li>
  );
}

function Family({ id }: { id: string }) {
  const tree = useRead<Schemas["KeyTreeAnswer"]>(["keys", id, "tree"], (api, signal) => dataOf(api.GET("/v1/api-keys/{id}/tree", { params: { path: { id } }, signal })));
  return (
    <Part title={t.keys.detail.family}>
      <Loaded of={tree}>
        {(whole) => whole.keys <= 1
          ? <Text size="sm" c="dimmed">{t.keys.detail.alone}</Text>
          : (
            <>
              <Text size="sm" c="dimmed" mb="xs">{t.keys.detail.familyText}</Text>
              <ul className={look.tree}><Twig branch={whole.root as Branch} here={id} /></ul>
            </>
          )}
      </Loaded>
    </Part>
  );
}

function Use({ id }: { id: string }) {
  const usage = useRead<Schemas["KeyReport"]>(["keys", id, "usage"], (api, signal) => dataOf(api.GET("/v1/api-keys/{id}/usage", { params: { path: { id } }, signal })));
  return (
    <Part title={t.keys.detail.usage} actions={<Go to="/gateway/usage" search={{ key_id: id }}>{t.keys.detail.cost}</Go>}>
      <Loaded of={usage}>
        {(report) => report.uses.length === 0 ? <Text size="sm" c="dimmed">{t.keys.detail.usageEmpty}</Text> : <Uses of={report.uses} caption={t.keys.detail.usage} />}
      </Loaded>
    </Part>
  );
}

function Overlap({ of }: { of: Key }) {
  const still = of.still_used_by ?? [];
  return (
    <Alert color="yellow" title={t.keys.roll.still} mb="md">
      <Stack gap="sm">
        <span>{t.keys.roll.ends} <Time at={of.overlap_ends_at} />. {of.rolled_to_id && <>{t.keys.roll.successor} <Go to={`/keys/${of.rolled_to_id}`}>{of.rolled_to_id}</Go></>}</span>
        {still.length === 0 ? <Text size="sm">{t.keys.roll.stillNobody}</Text> : <Uses of={still} caption={t.keys.roll.still} />}
      </Stack>
    </Alert>
  );
}

export function KeyPage() {
  const { id } = route.useParams();
  const mayWrite = [useMay("api_keys:write"), useMay("api_keys:self")].includes(true);
  const key = useRead<Key>(["keys", id], (api, signal) => dataOf(api.GET("/v1/api-keys/{id}", { params: { path: { id } }, signal })));
  return (
    <Loaded of={key}>
      {(one) => {
        const canChange = mayWrite && one.revoked_at === null;
        return (
          <Page title={one.name} lead={<Group gap="sm"><Status name={one.status} /><Id id={one.id} /></Group>}
            actions={mayWrite && <>{canChange && <Edit of={one} />}<Roll of={one} isOver={!canChange || one.rolled_to_id !== null} /><Revoke of={one} isOver={!canChange} /></>}>
            {one.status === "rolled" && <Overlap of={one} />}
            <Fields of={[
              [t.keys.text, <code key="text">{one.prefix}…{one.last4}</code>],
              [t.keys.detail.reach, <Reaches key="reach" of={one} />],
              [t.keys.detail.kind, one.kind],
              [t.keys.used, <span key="used"><Time at={one.last_used_at} />{one.last_used_ip && <Soft> · {one.last_used_ip}</Soft>}</span>],
              [t.keys.created, <Time key="created" at={one.created_at} />],
              [t.keys.detail.rotation, one.rotation_due ? <Status key="due" name="rolling" label={t.keys.detail.rotationDue} /> : <span key="due">{t.keys.detail.rotationOn} <Time at={one.rotation_due_at} /></span>],
              [t.keys.detail.models, one.allowed_models?.join(", ") ?? t.any],
              [t.keys.detail.networks, one.allowed_ips.length > 0 ? one.allowed_ips.join(", ") : t.any],
              [t.keys.detail.rate, one.rate_limit_per_minute === null ? t.none : count(one.rate_limit_per_minute)],
              [t.keys.detail.ends, <Time key="ends" at={one.expires_at} />],
              [t.keys.detail.rights, <PermissionList key="rights" of={one.permissions} />],
            ]} />
            <Family id={id} />
            <Use id={id} />
          </Page>
        );
      }}
    </Loaded>
  );
}

import { Button, Tabs } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { Page } from "../frame/Page";
import { useMay } from "../frame/workspace";
import { t } from "../texts";
import { Invitations } from "./Invitations";
import { Invite } from "./Invite";
import { Members } from "./Members";
import { Roles } from "./Roles";

const route = getRouteApi("/w/$workspaceId/people");

export function People() {
  const { tab, invite } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMay("members:write");
  const go = (change: { tab?: string; invite?: true }) => void navigate({ search: { tab: change.tab ?? tab, invite: change.invite } });
  return (
    <Page title={t.people.title} lead={t.people.lead} actions={mayWrite && <Button onClick={() => go({ invite: true })}>{t.people.invite}</Button>}>
      <Tabs value={tab ?? "members"} onChange={(value) => go({ tab: value ?? "members" })} keepMounted={false}>
        <Tabs.List mb="md">
          {Object.entries(t.people.tabs).map(([value, label]) => <Tabs.Tab key={value} value={value}>{label}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="members"><Members /></Tabs.Panel>
        <Tabs.Panel value="invitations"><Invitations /></Tabs.Panel>
        <Tabs.Panel value="roles"><Roles /></Tabs.Panel>
      </Tabs>
      {mayWrite && <Invite isOpen={invite === true} close={() => go({})} />}
    </Page>
  );
}

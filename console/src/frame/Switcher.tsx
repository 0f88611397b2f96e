import { Button, Menu, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { pageOf, type Schemas } from "../api/client";
import { usePages } from "../api/queries";
import { t } from "../texts";
import { useMay, usePlace } from "./workspace";

interface Offer {
  id: string;
  name: string;
  role: string | null;
}

/** One's own workspaces, and for whom the organization is open all of its. */
function useOffers(): Offer[] {
  const { me } = usePlace();
  const seesAll = useMay("workspaces:read");
  const all = usePages<Schemas["WorkspaceAnswer"]>(["workspaces"], (api, cursor, signal) =>
    pageOf(api.GET("/v1/workspaces", { params: { query: { limit: 100, cursor } }, signal })), { enabled: seesAll });
  const own: Offer[] = me.workspaces ?? [];
  const others = (all.data?.pages.flatMap((page) => page.rows) ?? []).filter((workspace) => !own.some((one) => one.id === workspace.id));
  return [...own, ...others.map((workspace) => ({ id: workspace.id, name: workspace.name, role: null }))];
}

export function Switcher() {
  const { me, workspaceId } = usePlace();
  const offers = useOffers();
  const navigate = useNavigate();
  return (
    <Menu position="bottom-start" width={280}>
      <Menu.Target>
        <Button variant="default" aria-label={t.bar.switcher(me.workspace_name)} maw={220}>{me.workspace_name}</Button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
        <Menu.Label>{t.bar.workspaces}</Menu.Label>
        {offers.map((offer) => (
          <Menu.Item key={offer.id} aria-current={offer.id === workspaceId ? "true" : undefined} fw={offer.id === workspaceId ? 700 : undefined}
            onClick={() => void navigate({ to: "/w/$workspaceId", params: { workspaceId: offer.id } })}>
            {offer.name}
            <Text size="xs" c="dimmed">{offer.role ? t.roles[offer.role as keyof typeof t.roles] ?? offer.role : t.bar.byOrganization}</Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

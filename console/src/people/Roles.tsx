import { Anchor, Stack, Text } from "@mantine/core";
import classes from "../frame/frame.module.css";
import { t } from "../texts";
import { organizationRoles, workspaceRoles } from "./roleOffers";

/** What each role is for; the table itself is made from the server's code and stands in the documentation. */
export function Roles() {
  return (
    <Stack>
      <div className={classes.cards}>
        {[...workspaceRoles, ...organizationRoles].map((role) => (
          <div key={role} className={classes.card}>
            <Text fw={650}>{t.roles[role]}</Text>
            <Text size="sm">{t.people.roleTexts[role]}</Text>
          </div>
        ))}
      </div>
      <Text size="sm">{t.people.rolesText}</Text>
      <Anchor href="/docs/permissions" size="sm">{t.people.rolesLink}</Anchor>
    </Stack>
  );
}

import { Anchor, Group, Stack, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { t } from "../texts";
import classes from "./frame.module.css";

/** A page outside of any workspace. */
export function Bare({ children }: { children: ReactNode }) {
  return (
    <main className={classes.main}>
      <Stack gap="lg">
        <Title order={1}>{t.name}</Title>
        {children}
        <Group gap="md">
          <Anchor href="/account">{t.nav.account}</Anchor>
          <Anchor href="/docs">{t.nav.docs}</Anchor>
        </Group>
      </Stack>
    </main>
  );
}

import { Group, Text, Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";
import classes from "./frame.module.css";
import { usePlace } from "./workspace";

/** A page: its title is its first heading and the window's. */
export function Page({ title, lead, actions, children }: { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  const { me } = usePlace();
  useEffect(() => {
    document.title = `${title} · ${me.workspace_name} · Crew`;
  }, [title, me.workspace_name]);
  return (
    <>
      <div className={classes.head}>
        <div>
          <Title order={1}>{title}</Title>
          {lead && <Text c="dimmed" size="sm" component="div" maw={680}>{lead}</Text>}
        </div>
        {actions && <Group gap="sm">{actions}</Group>}
      </div>
      {children}
    </>
  );
}

/** A part of a page with its heading. */
export function Part({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.part}>
      <Group justify="space-between" mb="sm">
        <Title order={2}>{title}</Title>
        {actions}
      </Group>
      {children}
    </section>
  );
}

import { ActionIcon, Badge, CopyButton, Text, Tooltip } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";
import { t } from "../texts";
import { exact, relative } from "./moment";
import classes from "./frame.module.css";
import { IconCheck, IconCopy } from "./icons";

/** A time in relation to now; the exact one is read out, and shown on pointing and focus. */
export function Time({ at }: { at: string | null | undefined }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  if (!at) {
    return <span className={classes.soft}>{t.never}</span>;
  }
  return (
    <Tooltip label={exact(at)} events={{ hover: true, focus: true, touch: true }}>
      <time dateTime={at} title={exact(at)} className={classes.time}>{relative(at, now)}</time>
    </Tooltip>
  );
}

/** Something to copy, with a button that does it. */
export function Copyable({ text, label, children }: { text: string; label?: string; children?: ReactNode }) {
  return (
    <span className={classes.copyable}>
      {children ?? <code className={classes.id}>{text}</code>}
      <CopyButton value={text} timeout={1500}>
        {({ copied, copy }) => (
          <ActionIcon variant="subtle" color="gray" size="sm" onClick={copy} aria-label={copied ? t.copied : t.copy(label ?? text)}>
            {copied ? <IconCheck /> : <IconCopy />}
          </ActionIcon>
        )}
      </CopyButton>
    </span>
  );
}

/** An id with the button that copies it; the middle goes when space is short. */
export function Id({ id }: { id: string }) {
  return (
    <Copyable text={id}>
      <code className={classes.id} title={id}>{id}</code>
    </Copyable>
  );
}

const environmentColors = { development: "teal", staging: "yellow", production: "red" } as const;

/** The environment as a word and a colour; production is the only one that is filled. */
export function Environment({ name }: { name: string }) {
  const known = name as keyof typeof environmentColors;
  return (
    <Badge className={classes.badge} color={environmentColors[known] ?? "gray"} variant={name === "production" ? "filled" : "light"} radius="sm">
      {t.environments[known] ?? name}
    </Badge>
  );
}

const statusColors: Record<string, string> = {
  active: "teal", ready: "teal", success: "teal", closed: "teal", open: "red", ok: "teal", revoked: "gray", expired: "gray", disabled: "gray",
  denied: "yellow", failure: "red", rolling: "yellow", rolled: "yellow", half_open: "yellow",
};

export function Status({ name, label }: { name: string; label?: string }) {
  return <Badge className={classes.badge} variant="light" color={statusColors[name] ?? "gray"} radius="sm">{label ?? name.replaceAll("_", " ")}</Badge>;
}

/** Fields of one thing, as a list of terms. */
export function Fields({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className={classes.fields}>
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Soft({ children }: { children: ReactNode }) {
  return <Text span c="dimmed" size="sm">{children}</Text>;
}

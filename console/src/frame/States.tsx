import { Alert, Anchor, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import type { UseInfiniteQueryResult, UseQueryResult, InfiniteData } from "@tanstack/react-query";
import { useLocation } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { PageOf } from "../api/client";
import { asFault, type Fault } from "../api/fault";
import { t } from "../texts";
import { Copyable } from "./Facts";
import classes from "./frame.module.css";
import { IconWarning } from "./icons";

/** What was refused or failed, what to do about it, and the number to name to whoever runs the server. */
export function Refusal({ fault, retry }: { fault: Fault; retry?: () => void }) {
  const { pathname } = useLocation();
  const next = encodeURIComponent(pathname);
  const title = fault.isOffline ? t.states.offline : fault.status === 403 && fault.code === "insufficient_permissions" ? t.states.forbidden : t.states.failed;
  return (
    <Alert color={fault.status === 403 || fault.isOffline ? "yellow" : "red"} title={title} icon={<IconWarning />} role="alert" className={classes.refusal}>
      <Stack gap="xs">
        <Text size="sm">{fault.isOffline ? t.states.offlineText : fault.message}</Text>
        {fault.code === "step_up_required" && <Anchor href={`/account/step-up?next=${next}`}>{t.states.stepUp}</Anchor>}
        {fault.code === "mfa_required" && <Anchor href="/account">{t.states.mfa}</Anchor>}
        <Group gap="sm">
          {retry && <Button size="xs" variant="default" onClick={retry}>{t.states.retry}</Button>}
          {fault.page && <Anchor size="sm" href={fault.page} target="_blank" rel="noreferrer">{t.states.explain(fault.code)}</Anchor>}
          {fault.requestId && <Copyable text={fault.requestId} />}
        </Group>
      </Stack>
    </Alert>
  );
}

export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div role="status" aria-label={t.states.loading}>
      <Stack gap="sm">
        {Array.from({ length: rows }, (_, row) => <Skeleton key={row} height={28} />)}
      </Stack>
    </div>
  );
}

export function Empty({ title, text, action }: { title: ReactNode; text?: string; action?: ReactNode }) {
  return (
    <div className={classes.empty}>
      {typeof title === "string" ? <Text fw={600}>{title}</Text> : title}
      {text && <Text c="dimmed" size="sm" maw={460}>{text}</Text>}
      {action}
    </div>
  );
}

/** One thing that is read: while it loads, when it cannot be had, and then itself. */
export function Loaded<T>({ of, children }: { of: UseQueryResult<T, Fault>; children: (value: T) => ReactNode }) {
  if (of.data !== undefined) {
    return (
      <>
        {of.error && <Refusal fault={of.error} retry={() => void of.refetch()} />}
        {children(of.data)}
      </>
    );
  }
  return of.error ? <Refusal fault={of.error} retry={() => void of.refetch()} /> : <Loading />;
}

/** A list that is read page by page. */
export function LoadedPages<T>({ of, empty, children }: {
  of: UseInfiniteQueryResult<InfiniteData<PageOf<T>>, Error>;
  empty: ReactNode;
  children: (rows: T[]) => ReactNode;
}) {
  if (!of.data) {
    return of.error ? <Refusal fault={asFault(of.error)} retry={() => void of.refetch()} /> : <Loading />;
  }
  const rows = of.data.pages.flatMap((page) => page.rows);
  return (
    <>
      {of.error && <Refusal fault={asFault(of.error)} retry={() => void of.refetch()} />}
      {rows.length === 0 ? empty : children(rows)}
      {of.hasNextPage && (
        <Group justify="center" mt="md">
          <Button variant="default" loading={of.isFetchingNextPage} onClick={() => void of.fetchNextPage()}>{t.states.more}</Button>
        </Group>
      )}
    </>
  );
}

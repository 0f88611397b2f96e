import { Anchor, Button, type ButtonProps } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useWorkspaceId } from "./workspace";

/** A link to a page of this workspace. */
export function Go({ to, search, children }: { to: string; search?: Record<string, string>; children: ReactNode }) {
  const workspaceId = useWorkspaceId();
  return <Anchor renderRoot={(props) => <Link to={`/w/${workspaceId}${to}` as string} search={search as never} {...props} />} size="sm">{children}</Anchor>;
}

/** The same as a button. */
export function GoButton({ to, search, children, ...look }: { to: string; search?: Record<string, string | boolean>; children: ReactNode } & ButtonProps) {
  const workspaceId = useWorkspaceId();
  return <Button {...look} renderRoot={(props) => <Link to={`/w/${workspaceId}${to}` as string} search={search as never} {...props} />}>{children}</Button>;
}

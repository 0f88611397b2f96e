import { Alert, Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { dataOf } from "../api/client";
import { useChange } from "../api/queries";
import { Confirm } from "../frame/Confirm";
import { Part } from "../frame/Page";
import { useWorkspaceId } from "../frame/workspace";
import { t } from "../texts";

const words = t.keys.lockdown;

/** For the worst day: ends everything but the session that says so. */
export function Lockdown() {
  const workspaceId = useWorkspaceId();
  const [isOpen, setOpen] = useState(false);
  const lock = useChange<null, unknown>((api) => dataOf(api.POST("/v1/workspaces/{id}/lockdown", { params: { path: { id: workspaceId } } })), [["keys"], ["sessions"]]);
  return (
    <Part title={words.title}>
      {lock.isSuccess && <Alert color="teal" mb="sm" title={words.done} />}
      <Text size="sm" mb="sm" maw={640}>{words.text}</Text>
      <Group><Button color="red" variant="outline" onClick={() => setOpen(true)}>{words.action}</Button></Group>
      <Confirm opened={isOpen} title={words.title} submit={words.submit} understood={words.confirm} isBusy={lock.isPending} fault={lock.error} onClose={() => setOpen(false)}
        onSubmit={() => lock.mutate(null, { onSuccess: () => setOpen(false) })}>
        <Text size="sm">{words.text}</Text>
      </Confirm>
    </Part>
  );
}

import { Button, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { dataOf, type Schemas } from "../api/client";
import { useChange, useRead } from "../api/queries";
import { Confirm } from "../frame/Confirm";
import { count } from "../frame/money";
import type { Key } from "../gateway/reads";
import { t } from "../texts";
import { Uses } from "./KeyPage";

/** Ends a key, and shows what it was used for until then. */
export function Revoke({ of, isOver }: { of: Key; isOver: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const usage = useRead<Schemas["KeyReport"]>(["keys", of.id, "usage"], (api, signal) => dataOf(api.GET("/v1/api-keys/{id}/usage", { params: { path: { id: of.id } }, signal })), { enabled: isOpen });
  const revoke = useChange<null, Key>((api) => dataOf(api.DELETE("/v1/api-keys/{id}", { params: { path: { id: of.id } } })), [["keys"]]);
  const close = () => setOpen(false);
  return (
    <>
      {!isOver && <Button color="red" variant="outline" onClick={() => setOpen(true)}>{t.keys.revoke.action}</Button>}
      {revoke.data
        ? (
          <Modal opened={isOpen} onClose={close} title={t.keys.revoke.report} size="xl">
            <Stack>
              {(revoke.data.report?.uses.length ?? 0) === 0 ? <Text size="sm">{t.keys.revoke.unused}</Text> : <Uses of={revoke.data.report?.uses ?? []} caption={t.keys.revoke.report} />}
              <Button onClick={close}>{t.done}</Button>
            </Stack>
          </Modal>
        )
        : (
          <Confirm opened={isOpen} title={t.keys.revoke.title(of.name)} submit={t.keys.revoke.submit} understood={t.keys.revoke.confirm} isBusy={revoke.isPending} fault={revoke.error}
            onSubmit={() => revoke.mutate(null)} onClose={close}>
            <Text size="sm">{t.keys.revoke.text}</Text>
            {usage.data && <Text size="sm" fw={600}>{usage.data.requests > 0 ? t.keys.revoke.recent(count(usage.data.requests)) : t.keys.revoke.unused}</Text>}
          </Confirm>
        )}
    </>
  );
}

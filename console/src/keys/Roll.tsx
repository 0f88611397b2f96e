import { Button, Group, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { dataOf } from "../api/client";
import { useChange } from "../api/queries";
import { GoButton } from "../frame/Go";
import { Refusal } from "../frame/States";
import type { Key } from "../gateway/reads";
import { t } from "../texts";
import { Shown } from "./Shown";

/** A successor with the same rights; the old one works on for a while. Stays until its dialog is left: the new text is in there. */
export function Roll({ of, isOver }: { of: Key; isOver: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const [overlap, setOverlap] = useState("86400");
  const roll = useChange<number, Key>((api, seconds, key) =>
    dataOf(api.POST("/v1/api-keys/{id}/roll", { params: { path: { id: of.id }, header: { "Idempotency-Key": key } }, body: { overlap_seconds: seconds } })), [["keys"]]);
  return (
    <>
      {!isOver && <Button variant="default" onClick={() => setOpen(true)}>{t.keys.roll.action}</Button>}
      <Modal opened={isOpen} onClose={() => setOpen(false)} title={t.keys.roll.title(of.name)} size="lg">
        {roll.data?.key
          ? <Stack><Shown text={roll.data.key} /><GoButton to={`/keys/${roll.data.id}`}>{t.keys.made.done}</GoButton></Stack>
          : (
            <Stack>
              <Text size="sm">{t.keys.roll.text}</Text>
              <NativeSelect label={t.keys.roll.overlap} value={overlap} onChange={(event) => setOverlap(event.currentTarget.value)}
                data={Object.entries(t.keys.roll.overlaps).map(([value, label]) => ({ value, label }))} />
              {roll.error && <Refusal fault={roll.error} />}
              <Group justify="flex-end">
                <Button variant="default" onClick={() => setOpen(false)}>{t.cancel}</Button>
                <Button loading={roll.isPending} onClick={() => roll.mutate(Number(overlap))}>{t.keys.roll.submit}</Button>
              </Group>
            </Stack>
          )}
      </Modal>
    </>
  );
}

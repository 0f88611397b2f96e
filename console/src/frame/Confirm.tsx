import { Button, Checkbox, Group, Modal, Stack } from "@mantine/core";
import { useState, type ReactNode } from "react";
import type { Fault } from "../api/fault";
import { t } from "../texts";
import { Refusal } from "./States";

/** Asks before something is ended; says what ends with it, and what was refused. */
export function Confirm({ opened, title, submit, isBusy, fault, understood, onSubmit, onClose, children }: {
  opened: boolean;
  title: string;
  submit: string;
  isBusy: boolean;
  fault: Fault | null;
  /** Where it cannot be undone: what has to be ticked first. */
  understood?: string;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const [isSure, setSure] = useState(false);
  return (
    <Modal opened={opened} onClose={onClose} title={title}>
      <Stack>
        {children}
        {understood && <Checkbox label={understood} checked={isSure} onChange={(event) => setSure(event.currentTarget.checked)} />}
        {fault && <Refusal fault={fault} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{t.cancel}</Button>
          <Button color="red" loading={isBusy} disabled={understood !== undefined && !isSure} onClick={onSubmit}>{submit}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

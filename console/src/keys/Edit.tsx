import { Button, Group, Modal, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { dataOf, type Schemas } from "../api/client";
import { useChange } from "../api/queries";
import { Refusal } from "../frame/States";
import type { Key } from "../gateway/reads";
import { t } from "../texts";
import { complaintsOf, networksOf, newDraft } from "./draft";
import look from "./keys.module.css";

/** What can be changed of a key; what it reaches and may do is chosen when it is made. */
export function Edit({ of }: { of: Key }) {
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState(of.name);
  const [ips, setIps] = useState(of.allowed_ips.join("\n"));
  const [rate, setRate] = useState(of.rate_limit_per_minute?.toString() ?? "");
  const [expires, setExpires] = useState(of.expires_at?.slice(0, 10) ?? "");
  const complaints = complaintsOf({ ...newDraft, name, ips, rate, window: "none" });
  const edit = useChange<Schemas["UpdateKeyRequest"], Key>((api, body) => dataOf(api.PATCH("/v1/api-keys/{id}", { params: { path: { id: of.id } }, body })), [["keys"]]);
  const save = () => edit.mutate({
    name: name.trim(),
    allowed_ips: networksOf(ips),
    ...(rate ? { rate_limit_per_minute: Number(rate) } : {}),
    ...(expires ? { expires_at: `${expires}T00:00:00.000Z` } : {}),
  }, { onSuccess: () => setOpen(false) });
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>{t.keys.detail.edit}</Button>
      <Modal opened={isOpen} onClose={() => setOpen(false)} title={t.keys.detail.edit}>
        <form noValidate onSubmit={(event) => {
          event.preventDefault();
          save();
        }}>
          <Stack>
            <Text size="sm" c="dimmed">{t.keys.detail.editText}</Text>
            <TextInput label={t.keys.make.name} value={name} error={complaints.name} onChange={(event) => setName(event.currentTarget.value)} />
            <Textarea label={t.keys.make.ips} description={t.keys.make.ipsHint} rows={3} value={ips} error={complaints.ips} onChange={(event) => setIps(event.currentTarget.value)} />
            <div className={look.pair}>
              <TextInput label={t.keys.make.rate} inputMode="numeric" value={rate} error={complaints.rate} onChange={(event) => setRate(event.currentTarget.value)} />
              <TextInput label={t.keys.make.expires} type="date" value={expires} onChange={(event) => setExpires(event.currentTarget.value)} />
            </div>
            {edit.error && <Refusal fault={edit.error} />}
            <Group justify="flex-end"><Button type="submit" loading={edit.isPending} disabled={Object.keys(complaints).length > 0}>{t.save}</Button></Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

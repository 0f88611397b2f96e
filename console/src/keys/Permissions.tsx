import { Badge, Checkbox, Fieldset, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { t } from "../texts";
import classes from "./keys.module.css";
import { offeredTo } from "./rights";

/** Every permission with what it lets a key do; only those that the maker has themselves. */
export function Permissions({ own, chosen, onChange, error }: { own: readonly string[]; chosen: readonly string[]; onChange: (chosen: string[]) => void; error?: string }) {
  const [filter, setFilter] = useState("");
  const wanted = filter.toLowerCase();
  const toggle = (permission: string) => onChange(chosen.includes(permission) ? chosen.filter((one) => one !== permission) : [...chosen, permission]);
  return (
    <Fieldset legend={t.keys.make.permissions} className={classes.picker}>
      <Stack gap="sm">
        <Text size="sm" fw={600}>{t.keys.make.chosen(chosen.length)}</Text>
        {error && <Text size="sm" c="red" role="alert">{error}</Text>}
        <TextInput label={t.keys.make.filter} value={filter} onChange={(event) => setFilter(event.currentTarget.value)} />
        <div className={classes.groups} tabIndex={0} role="group" aria-label={t.keys.make.permissions}>
          {offeredTo(own).map((group) => {
            const shown = group.permissions.filter((permission) => `${permission} ${t.permissions.explain(permission)}`.toLowerCase().includes(wanted));
            return shown.length > 0 && (
              <div key={group.name} role="group" aria-label={group.name}>
                <Text size="xs" fw={700} c="dimmed" mt="sm" mb={4}>{group.name}</Text>
                <Stack gap={6}>
                  {shown.map((permission) => (
                    <Checkbox key={permission} checked={chosen.includes(permission)} onChange={() => toggle(permission)} label={<code>{permission}</code>} description={t.permissions.explain(permission)} />
                  ))}
                </Stack>
              </div>
            );
          })}
        </div>
      </Stack>
    </Fieldset>
  );
}

export function PermissionList({ of }: { of: readonly string[] }) {
  return (
    <span className={classes.list}>
      {of.map((permission) => <Badge key={permission} variant="default" radius="sm" className={classes.permission} title={t.permissions.explain(permission)}>{permission}</Badge>)}
    </span>
  );
}

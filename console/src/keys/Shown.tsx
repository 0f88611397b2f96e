import { Alert, Stack, Text } from "@mantine/core";
import { Copyable } from "../frame/Facts";
import classes from "../frame/frame.module.css";
import { t } from "../texts";

/** The text of a new key: here, once. */
export function Shown({ text }: { text: string }) {
  return (
    <Alert color="yellow" title={t.keys.made.title}>
      <Stack gap="sm">
        <Text size="sm">{t.keys.made.text}</Text>
        <Copyable text={text} label={t.keys.text}><code className={classes.secret} data-testid="key-text">{text}</code></Copyable>
        <Text size="sm">{t.keys.made.next}</Text>
      </Stack>
    </Alert>
  );
}

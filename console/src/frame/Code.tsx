import { ActionIcon, CopyButton } from "@mantine/core";
import { t } from "../texts";
import classes from "./frame.module.css";
import { IconCheck, IconCopy } from "./icons";

/** Code to copy. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <div className={classes.codebox}>
      <pre className={classes.code} tabIndex={0} aria-label={label}>{text}</pre>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <ActionIcon className={classes.codecopy} variant="default" onClick={copy} aria-label={copied ? t.copied : t.copy(label)}>{copied ? <IconCheck /> : <IconCopy />}</ActionIcon>
        )}
      </CopyButton>
    </div>
  );
}

import { Button, Title } from "@mantine/core";
import { t } from "../texts";
import classes from "./frame.module.css";
import { Empty } from "./States";

export function Missing() {
  return <Empty title={<Title order={1}>{t.states.missing}</Title>} text={t.states.missingText} action={<Button component="a" href="/" variant="default">{t.states.home}</Button>} />;
}

/** The same where there is no workspace around it. */
export function Nowhere() {
  return <main className={classes.main}><Missing /></main>;
}

export function Broken() {
  return <Empty title={<Title order={1}>{t.states.broken}</Title>} text={t.states.brokenText} action={<Button onClick={() => window.location.reload()}>{t.states.reload}</Button>} />;
}

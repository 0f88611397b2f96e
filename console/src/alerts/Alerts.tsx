import { Button, Switch, Text } from "@mantine/core";
import { dataOf, pageOf, type Schemas } from "../api/client";
import { useChange, usePages } from "../api/queries";
import { Soft, Status, Time } from "../frame/Facts";
import { Go } from "../frame/Go";
import { count } from "../frame/money";
import { Page, Part } from "../frame/Page";
import { Rows } from "../frame/Rows";
import { Empty, LoadedPages, Refusal } from "../frame/States";
import { useMay } from "../frame/workspace";
import { t } from "../texts";

const words = t.alerts;

type Alert = Schemas["AlertRoutesAnswer"];
type Rule = Schemas["AlertRuleRoutesAnswer"];

const looks: Record<string, string> = { critical: "failure", warning: "denied", info: "none" };

function Acknowledge({ of }: { of: Alert }) {
  const change = useChange<null, Alert>((api) => dataOf(api.POST("/v1/alerts/{id}/acknowledge", { params: { path: { id: of.id } }, body: {} })), [["alerts"]]);
  return (
    <>
      <Button size="xs" variant="default" loading={change.isPending} aria-label={words.seenOf(of.title ?? of.description)} onClick={() => change.mutate(null)}>{words.seen}</Button>
      {change.error && <Refusal fault={change.error} />}
    </>
  );
}

/** Whether a kind is raised at all; the API sets thresholds, recipients and silences. */
function Enabled({ of }: { of: Rule }) {
  const change = useChange<boolean, Rule>((api, enabled) => dataOf(api.PATCH("/v1/alert-rules/{kind}", { params: { path: { kind: of.kind } }, body: { enabled } })), [["alert-rules"]]);
  return <Switch aria-label={words.enabledOf(of.description)} checked={of.enabled} disabled={change.isPending} onChange={(event) => change.mutate(event.currentTarget.checked)} />;
}

function Rules() {
  const mayWrite = useMay("alerts:write");
  const rules = usePages<Rule>(["alert-rules"], (api, _, signal) => pageOf(api.GET("/v1/alert-rules", { signal })));
  return (
    <Part title={words.rules}>
      <LoadedPages of={rules} empty={<Empty title={t.none} />}>
        {(rows) => (
          <Rows caption={words.rules} rows={rows} keyOf={(rule) => rule.kind} columns={[
            { name: words.kind, of: (rule) => rule.description },
            { name: words.severity, of: (rule) => <Status name={looks[rule.severity] ?? "none"} label={rule.severity} /> },
            { name: words.threshold, of: (rule) => (rule.window_minutes === null ? <Soft>{words.each}</Soft> : words.within(rule.threshold, rule.window_minutes)) },
            { name: words.recipients, of: (rule) => (rule.recipients.length > 0 ? rule.recipients.join(", ") : <Soft>{words.owners}</Soft>) },
            { name: words.enabled, of: (rule) => (mayWrite ? <Enabled of={rule} /> : rule.enabled ? t.yes : t.no) },
          ]} />
        )}
      </LoadedPages>
    </Part>
  );
}

export function Alerts() {
  const mayWrite = useMay("alerts:write");
  const alerts = usePages<Alert>(["alerts"], (api, cursor, signal) => pageOf(api.GET("/v1/alerts", { params: { query: { limit: 50, cursor } }, signal })), { everyMilliseconds: 15_000 });
  return (
    <Page title={t.nav.alerts} lead={words.lead}>
      <LoadedPages of={alerts} empty={<Empty title={words.empty} text={words.emptyText} />}>
        {(rows) => (
          <Rows caption={t.nav.alerts} rows={rows} keyOf={(alert) => alert.id} columns={[
            { name: words.last, of: (alert) => <Time at={alert.last_at} /> },
            { name: words.severity, of: (alert) => <Status name={looks[alert.severity] ?? "none"} label={alert.severity} /> },
            { name: words.what, of: (alert) => <><Text size="sm">{alert.title ?? alert.description}</Text><Soft>{alert.kind}</Soft></> },
            { name: words.subject, of: (alert) => (alert.subject ? <span>{alert.subject.id} <Soft>{alert.subject.type}</Soft></span> : <Soft>{t.none}</Soft>) },
            { name: words.times, of: (alert) => count(alert.count), number: true },
            { name: words.records, of: (alert) => (alert.audit_log_ids[0] ? <Go to={`/audit/${alert.audit_log_ids[0]}`}>{words.record}</Go> : <Soft>{t.none}</Soft>) },
            { name: words.status, of: (alert) => (alert.status === "open" && mayWrite ? <Acknowledge of={alert} /> : <Status name={alert.status === "open" ? "open" : "none"} label={alert.status} />) },
          ]} />
        )}
      </LoadedPages>
      <Rules />
    </Page>
  );
}

import { getRouteApi } from "@tanstack/react-router";
import { dataOf, type Schemas } from "../api/client";
import { useRead } from "../api/queries";
import { Fields, Id, Soft, Status, Time } from "../frame/Facts";
import { Go } from "../frame/Go";
import { count, money } from "../frame/money";
import { Page, Part } from "../frame/Page";
import { Loaded } from "../frame/States";
import { useMay } from "../frame/workspace";
import { t } from "../texts";

const route = getRouteApi("/w/$workspaceId/gateway/requests/$id");
const words = t.gateway.requests;

export function RequestPage() {
  const { id } = route.useParams();
  const seesKeys = useMay("api_keys:read");
  const request = useRead<Schemas["ReadRequestAnswer"]>(["requests", "one", id], (api, signal) =>
    dataOf(api.GET("/v1/gateway/requests/{request_id}", { params: { path: { request_id: id } as never }, signal })));
  return (
    <Page title={words.request} lead={<Id id={id} />}>
      <Loaded of={request}>
        {(one) => one.attempts.map((attempt) => (
          <Part key={attempt.attempt} title={words.attempt(attempt.attempt)}>
            <Fields of={[
              [words.at, <Time key="at" at={attempt.at} />],
              [words.outcome, <span key="outcome"><Status name={attempt.outcome} /> {attempt.status}</span>],
              [words.model, <code key="model">{attempt.model}</code>],
              [words.endpoint, attempt.endpoint],
              [words.provider, attempt.provider_id ? <Id key="provider" id={attempt.provider_id} /> : <Soft key="provider">{t.gateway.models.sandbox}</Soft>],
              [words.tokens, `${count(attempt.tokens.input)} / ${count(attempt.tokens.output)}`],
              [words.cache, `${count(attempt.tokens.cache_read)} / ${count(attempt.tokens.cache_write)}`],
              [words.reasoning, count(attempt.tokens.reasoning)],
              [words.cost, money(attempt.cost_usd)],
              [words.provenance, words.provenances[attempt.provenance as keyof typeof words.provenances] ?? attempt.provenance],
              [words.first, attempt.first_byte_ms === null ? t.none : words.milliseconds(attempt.first_byte_ms)],
              [words.total, words.milliseconds(attempt.total_ms)],
              [words.stream, attempt.stream ? t.yes : t.no],
              [words.test, attempt.test ? t.yes : t.no],
              [words.key, attempt.key_id ? (seesKeys ? <Go key="key" to={`/keys/${attempt.key_id}`}>{attempt.key_id}</Go> : <Id key="key" id={attempt.key_id} />) : t.none],
              [words.person, attempt.user_id ? <Id key="person" id={attempt.user_id} /> : t.none],
              [words.crew, attempt.crew_id ? <Id key="crew" id={attempt.crew_id} /> : t.none],
              [words.address, attempt.ip_address ?? t.none],
              [words.agent, attempt.user_agent ?? t.none],
            ]} />
          </Part>
        ))}
      </Loaded>
    </Page>
  );
}

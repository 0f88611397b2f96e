import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import OpenAI from 'openai';
import { books, connect, hello, model, reset, script } from './session.mjs';

beforeEach(reset);

async function quiet() {
  for (let attempt = 0; attempt < 100; attempt++) {
    const now = await books();
    if (now.in_flight === 0 && now.received > 0) return now;
    await wait(50);
  }
  throw new Error('The provider still speaks to a client that has gone.');
}

test('a cancelled stream ends at the provider too', async () => {
  await script({ next: [{ completion_tokens: 400, chunks_per_second: 20, stops_billing_on_disconnect: true }] });
  const abort = new AbortController();
  const stream = await connect().chat.completions.create(
    { model, messages: hello, max_tokens: 500, stream: true }, { signal: abort.signal });
  let words = 0;
  try {
    for await (const chunk of stream) {
      words += chunk.choices[0].delta.content ? 1 : 0;
      if (words === 5) abort.abort();
    }
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIUserAbortError, String(error));
  }

  assert.ok(words < 20, `${words} words came after the cancellation`);
  const { bills } = await quiet();
  assert.equal(bills[0].disconnected, true);
  assert.ok(bills[0].completion_tokens < 100, `${bills[0].completion_tokens} tokens were billed`);
});

test('a request cancelled before its answer is read to its end: providers bill it in full', async () => {
  await script({ next: [{ latency_min_ms: 1000, latency_max_ms: 1000 }] });
  const abort = new AbortController();
  const asked = connect().chat.completions.create({ model, messages: hello, max_tokens: 50 }, { signal: abort.signal });
  setTimeout(() => abort.abort(), 200);
  await assert.rejects(asked, (error) => error instanceof OpenAI.APIUserAbortError);
  const { bills } = await quiet();
  assert.equal(bills[0].disconnected, false);
  assert.ok(bills[0].completion_tokens > 0);
});

test('the next request on the same client works', async () => {
  const answer = await connect().chat.completions.create({ model, messages: hello, max_tokens: 50 });
  assert.equal(answer.choices[0].finish_reason, 'stop');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { address, behave, books, cappedKey, everywhere, key, models, oslo, osloRome, pixel, quiet, rome, silence, watch, weather } from './session.mjs';

const client = 'openai for Node, responses';
const tools = [{ type: 'function', name: 'get_weather', description: 'The weather of a place.', parameters: weather, strict: false }];

function connect(options = {}) {
  const made = new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0, ...options, fetch: (url, init) => watch(made)(url, init) });
  [made.sent, made.pings] = [0, 0];
  return made;
}

const ask = (model, input, more = {}, options = {}) => connect(options).responses.create({ model, input, max_output_tokens: 500, ...more });

everywhere(client, 'plain', async (kind, model) => {
  const said = await behave(kind, { text: 'Good morning.', completion_tokens: 3 }, '[[tokens=3]]');
  const answer = await ask(model, said);
  assert.equal(answer.status, 'completed');
  assert.ok(answer.output_text.length > 5);
  assert.equal(answer.usage.output_tokens, 3);
  assert.match(answer._request_id, /^req_/);
});

everywhere(client, 'stream', async (kind, model) => {
  const said = await behave(kind, { text: 'one two three four', completion_tokens: 4 }, '[[tokens=4]]');
  let text = '';
  let last;
  for await (const event of await ask(model, said, { stream: true })) {
    if (event.type === 'response.output_text.delta') text += event.delta;
    last = event;
  }
  assert.equal(text.split(' ').length, 4);
  assert.equal(last.type, 'response.completed');
  assert.equal(last.response.usage.output_tokens, 4);
});

everywhere(client, 'tools', async (kind, model) => {
  const said = await behave(kind, [{ tool_calls: [oslo] }, { text: 'Rain.', completion_tokens: 2 }], '[[tool=get_weather{"place":"Oslo"}]]');
  const asked = await ask(model, said, { tools });
  const call = asked.output.find((item) => item.type === 'function_call');
  assert.deepEqual(JSON.parse(call.arguments), { place: 'Oslo' });
  const answered = await ask(model,
    [{ role: 'user', content: said }, ...asked.output, { type: 'function_call_output', call_id: call.call_id, output: 'rain' }, { role: 'user', content: 'So?' }],
    { tools });
  assert.equal(answered.status, 'completed');
});

everywhere(client, 'parallel tools', async (kind, model) => {
  const said = await behave(kind, { tool_calls: [oslo, rome] }, osloRome);
  const final = await connect().responses.stream({ model, input: said, tools, max_output_tokens: 500 }).finalResponse();
  const calls = final.output.filter((item) => item.type === 'function_call');
  assert.deepEqual(calls.map((call) => JSON.parse(call.arguments)), [{ place: 'Oslo' }, { place: 'Rome' }]);
  assert.equal(new Set(calls.map((call) => call.call_id)).size, 2);
});

everywhere(client, 'images', async (kind, model) => {
  await behave(kind, { text: 'A pixel.', completion_tokens: 2 });
  const answer = await ask(model, [{ role: 'user', content: [{ type: 'input_text', text: 'What is it?' },
    { type: 'input_image', image_url: `data:image/png;base64,${pixel}`, detail: 'auto' }] }]);
  assert.equal(answer.status, 'completed');
});

everywhere(client, 'errors', async (kind, model) => {
  await assert.rejects(ask(model, 'a', {}, { apiKey: 'crew_sk_live_thisisnokey' }), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, 'invalid_api_key');
    return true;
  });
  const said = await behave(kind, { status: 400 }, '[[error=400]]');
  await assert.rejects(ask(model, said), (error) => error instanceof OpenAI.BadRequestError && error.message.length > 10);
});

everywhere(client, 'mid-stream error', async (kind, model) => {
  const said = await behave(kind, { completion_tokens: 20, cut_after_chunks: 3 }, '[[tokens=20 error=500 after=3]]');
  const stream = await ask(model, said, { stream: true });
  let words = 0;
  let told = false;
  try {
    for await (const event of stream) {
      words += event.type === 'response.output_text.delta' ? 1 : 0;
      told ||= event.type === 'error' || event.type === 'response.failed';
      assert.notEqual(event.type, 'response.completed');
    }
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIError, String(error));
    told = true;
  }
  assert.deepEqual([words, told], [3, true]);
});

everywhere(client, 'retries', async (kind, model) => {
  const said = await behave(kind, [{ status: 500 }, { text: 'second time lucky', completion_tokens: 4 }], '[[error=500]]');
  const made = connect({ maxRetries: 1 });
  const asked = made.responses.create({ model, input: said, max_output_tokens: 50 });
  await (kind === 'sandbox' ? assert.rejects(asked) : asked);
  assert.equal(made.sent, 2);
});

everywhere(client, 'cancel', async (kind, model) => {
  const said = await behave(kind, { completion_tokens: 400, chunks_per_second: 40, stops_billing_on_disconnect: true }, '[[tokens=400 delay_ms=25]]');
  const abort = new AbortController();
  const stream = await connect().responses.create({ model, input: said, max_output_tokens: 500, stream: true }, { signal: abort.signal });
  let words = 0;
  try {
    for await (const event of stream) {
      words += event.type === 'response.output_text.delta' ? 1 : 0;
      if (words === 3) abort.abort();
    }
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIUserAbortError, String(error));
  }
  assert.ok(words < 100);
  if (kind !== 'sandbox') assert.equal((await quiet()).bills[0].disconnected, true);
});

everywhere(client, 'long idle stream with pings', async (kind, model) => {
  const said = await behave(kind, ...silence);
  const made = connect();
  let text = '';
  for await (const event of await made.responses.create({ model, input: said, max_output_tokens: 50, stream: true })) {
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  assert.equal(text.split(' ').length, 2);
  assert.ok(made.pings > 0);
});

everywhere(client, 'budget refusal', async (kind, model) => {
  const made = connect({ apiKey: cappedKey, maxRetries: 5 });
  await assert.rejects(made.responses.create({ model, input: 'a', max_output_tokens: 50 }), (error) => {
    assert.deepEqual([error.status, error.code, error.headers.get('x-should-retry')], [402, 'insufficient_quota', 'false']);
    return true;
  });
  assert.equal(made.sent, 1);
  assert.equal((await books()).received, 0);
});

test('what needs stored responses is refused by its name', async () => {
  await assert.rejects(connect().responses.create({ model: models.openai, input: 'a', previous_response_id: 'resp_1' }), (error) => {
    assert.deepEqual([error.status, error.param], [400, 'previous_response_id']);
    return true;
  });
});

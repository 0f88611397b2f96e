import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { address, behave, books, cappedKey, everywhere, key, models, oslo, osloRome, pixel, quiet, rome, silence, watch, weather } from './session.mjs';

const client = 'anthropic for Node';
const tools = [{ name: 'get_weather', description: 'The weather of a place.', input_schema: weather }];

function connect(options = {}) {
  const made = new Anthropic({
    baseURL: address, apiKey: key, maxRetries: 0, ...options,
    fetch: (url, init) => watch(made)(url, init),
  });
  [made.sent, made.pings] = [0, 0];
  return made;
}

const request = (model, content, more = {}) => ({ model, max_tokens: 500, messages: [{ role: 'user', content }], ...more });
const ask = (model, content, more = {}, options = {}) => connect(options).messages.create(request(model, content, more));

everywhere(client, 'plain', async (kind, model) => {
  const said = await behave(kind, { text: 'Good morning.', completion_tokens: 3 }, '[[tokens=3]]');
  const answer = await ask(model, said);
  assert.equal(answer.stop_reason, 'end_turn');
  assert.ok(answer.content[0].text.length > 5);
  assert.equal(answer.usage.output_tokens, 3);
  assert.match(answer._request_id, /^req_/);
});

everywhere(client, 'stream', async (kind, model) => {
  const said = await behave(kind, { text: 'one two three four', completion_tokens: 4 }, '[[tokens=4]]');
  const final = await connect().messages.stream(request(model, said)).finalMessage();
  assert.equal(final.content[0].text.split(' ').length, 4);
  assert.equal(final.stop_reason, 'end_turn');
  assert.equal(final.usage.output_tokens, 4);
});

everywhere(client, 'tools', async (kind, model) => {
  const said = await behave(kind, [{ tool_calls: [oslo] }, { text: 'It rains.', completion_tokens: 3 }], '[[tool=get_weather{"place":"Oslo"}]]');
  const asked = await ask(model, said, { tools, tool_choice: { type: 'any' } });
  assert.equal(asked.stop_reason, 'tool_use');
  const call = asked.content.find((block) => block.type === 'tool_use');
  assert.deepEqual(call.input, { place: 'Oslo' });
  const answered = await connect().messages.create({
    model, tools, max_tokens: 50,
    messages: [{ role: 'user', content: said }, { role: 'assistant', content: asked.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'rain' }, { type: 'text', text: 'So?' }] }],
  });
  assert.equal(answered.stop_reason, 'end_turn');
});

everywhere(client, 'parallel tools', async (kind, model) => {
  const said = await behave(kind, { tool_calls: [oslo, rome] }, osloRome);
  const final = await connect().messages.stream(request(model, said, { tools })).finalMessage();
  const calls = final.content.filter((block) => block.type === 'tool_use');
  assert.deepEqual(calls.map((call) => call.input), [{ place: 'Oslo' }, { place: 'Rome' }]);
  assert.equal(new Set(calls.map((call) => call.id)).size, 2);
});

everywhere(client, 'images', async (kind, model) => {
  await behave(kind, { text: 'A pixel.', completion_tokens: 2 });
  const answer = await ask(model, [{ type: 'text', text: 'What is it?' },
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } }]);
  assert.equal(answer.stop_reason, 'end_turn');
});

everywhere(client, 'errors', async (kind, model) => {
  await assert.rejects(ask(model, 'a', {}, { apiKey: 'crew_sk_live_thisisnokey' }), (error) => {
    assert.ok(error instanceof Anthropic.AuthenticationError);
    assert.equal(error.error.error.type, 'authentication_error');
    return true;
  });
  const said = await behave(kind, { status: 400 }, '[[error=400]]');
  await assert.rejects(ask(model, said), (error) => error instanceof Anthropic.BadRequestError && error.error.type === 'error');
});

everywhere(client, 'mid-stream error', async (kind, model) => {
  const said = await behave(kind, { completion_tokens: 20, cut_after_chunks: 3 }, '[[tokens=20 error=500 after=3]]');
  const stream = await connect().messages.create(request(model, said, { stream: true }));
  let words = 0;
  await assert.rejects(async () => {
    for await (const event of stream) words += event.type === 'content_block_delta' ? 1 : 0;
  }, (error) => error instanceof Anthropic.APIError);
  assert.equal(words, 3);
});

everywhere(client, 'retries', async (kind, model) => {
  const said = await behave(kind, [{ status: 529 }, { text: 'second time lucky', completion_tokens: 4 }], '[[error=529]]');
  const made = connect({ maxRetries: 1 });
  const asked = made.messages.create(request(model, said));
  await (kind === 'sandbox' ? assert.rejects(asked) : asked);
  assert.equal(made.sent, 2);
});

everywhere(client, 'cancel', async (kind, model) => {
  const said = await behave(kind, { completion_tokens: 400, chunks_per_second: 40, stops_billing_on_disconnect: true }, '[[tokens=400 delay_ms=25]]');
  const stream = await connect().messages.create(request(model, said, { stream: true }));
  let words = 0;
  try {
    for await (const event of stream) {
      words += event.type === 'content_block_delta' ? 1 : 0;
      if (words === 3) stream.controller.abort();
    }
  } catch (error) {
    assert.ok(error instanceof Anthropic.APIUserAbortError, String(error));
  }
  assert.ok(words < 100);
  if (kind !== 'sandbox') assert.equal((await quiet()).bills[0].disconnected, true);
});

everywhere(client, 'long idle stream with pings', async (kind, model) => {
  const said = await behave(kind, ...silence);
  const made = connect();
  const final = await made.messages.stream(request(model, said)).finalMessage();
  assert.equal(final.content[0].text.split(' ').length, 2);
  assert.ok(made.pings > 0);
});

everywhere(client, 'budget refusal', async (kind, model) => {
  const made = connect({ apiKey: cappedKey, maxRetries: 5 });
  await assert.rejects(made.messages.create(request(model, 'a')), (error) => {
    assert.deepEqual([error.status, error.error.error.type, error.headers.get('x-should-retry')], [402, 'billing_error', 'false']);
    return true;
  });
  assert.equal(made.sent, 1);
  assert.equal((await books()).received, 0);
});

for (const kind of ['anthropic', 'sandbox']) {
  test(`tokens are counted by ${kind}`, async () => {
    await behave(kind, { prompt_tokens: 42 });
    const { input_tokens: counted } = await connect().messages.countTokens({ model: models[kind], messages: [{ role: 'user', content: 'Hello.' }] });
    assert.ok(counted > 0);
  });
}

test('models are listed in the form that this client reads', async () => {
  const ids = [];
  for await (const model of connect().models.list()) ids.push(model.id);
  assert.ok(ids.includes(models.anthropic), ids.join());
});

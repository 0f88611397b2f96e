import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { address, behave, books, cappedKey, everywhere, key, oslo, osloRome, pixel, quiet, rome, silence, watch, weather } from './session.mjs';

const client = 'openai for Node';
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather of a place.', parameters: weather } }];

function connect(options = {}) {
  const made = new OpenAI({
    baseURL: `${address}/v1`, apiKey: key, maxRetries: 0, ...options,
    fetch: (url, init) => watch(made)(url, init),
  });
  [made.sent, made.pings] = [0, 0];
  return made;
}

const ask = (model, content, more = {}, options = {}) => connect(options).chat.completions.create(
  { model, messages: [{ role: 'user', content }], max_tokens: 500, ...more });

everywhere(client, 'plain', async (kind, model) => {
  const said = await behave(kind, { text: 'Good morning.', completion_tokens: 3 }, '[[tokens=3]]');
  const answer = await ask(model, said);
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.ok(answer.choices[0].message.content.length > 5);
  assert.equal(answer.usage.completion_tokens, 3);
  assert.match(answer._request_id, /^req_/);
});

everywhere(client, 'stream', async (kind, model) => {
  const said = await behave(kind, { text: 'one two three four', completion_tokens: 4 }, '[[tokens=4]]');
  const stream = await ask(model, said, { stream: true, stream_options: { include_usage: true } });
  let [text, finish, usage] = ['', null, null];
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text.split(' ').length, 4);
  assert.equal(finish, 'stop');
  assert.equal(usage.completion_tokens, 4);
});

everywhere(client, 'tools', async (kind, model) => {
  const said = await behave(kind, [{ tool_calls: [oslo] }, { text: 'It rains.', completion_tokens: 3 }], '[[tool=get_weather{"place":"Oslo"}]]');
  const asked = await ask(model, said, { tools, tool_choice: 'required' });
  const [call] = asked.choices[0].message.tool_calls;
  assert.equal(asked.choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(JSON.parse(call.function.arguments), { place: 'Oslo' });
  const answered = await connect().chat.completions.create({
    model, tools, max_tokens: 50,
    messages: [{ role: 'user', content: said }, asked.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'rain' },
      { role: 'user', content: 'So?' }],
  });
  assert.equal(answered.choices[0].finish_reason, 'stop');
});

everywhere(client, 'parallel tools', async (kind, model) => {
  const said = await behave(kind, { tool_calls: [oslo, rome] }, osloRome);
  const runner = connect().chat.completions.stream({ model, messages: [{ role: 'user', content: said }], tools, max_tokens: 500 });
  const final = await runner.finalChatCompletion();
  assert.deepEqual(final.choices[0].message.tool_calls.map((call) => JSON.parse(call.function.arguments)), [{ place: 'Oslo' }, { place: 'Rome' }]);
  assert.equal(new Set(final.choices[0].message.tool_calls.map((call) => call.id)).size, 2);
});

everywhere(client, 'images', async (kind, model) => {
  await behave(kind, { text: 'A pixel.', completion_tokens: 2 });
  const answer = await ask(model, [{ type: 'text', text: 'What is it?' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } }]);
  assert.equal(answer.choices[0].finish_reason, 'stop');
});

everywhere(client, 'embeddings', async (kind, model) => {
  const embedder = kind === 'sandbox' ? 'crew-sandbox-embed' : model;
  const answer = await connect().embeddings.create({ model: embedder, input: ['one', 'two'] });
  assert.equal(answer.data.length, 2);
  assert.ok(answer.data[1].embedding.every((number) => typeof number === 'number'));
  assert.ok(answer.usage.prompt_tokens > 0);
}, ['openai', 'azure_openai', 'sandbox']);

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
  await assert.rejects(async () => {
    for await (const chunk of stream) words += chunk.choices[0]?.delta.content ? 1 : 0;
  });
  assert.equal(words, 3);
});

everywhere(client, 'retries', async (kind, model) => {
  const said = await behave(kind, [{ status: 500 }, { text: 'second time lucky', completion_tokens: 4 }], '[[error=500]]');
  const made = connect({ maxRetries: 1 });
  const asked = made.chat.completions.create({ model, messages: [{ role: 'user', content: said }], max_tokens: 50 });
  await (kind === 'sandbox' ? assert.rejects(asked) : asked);
  assert.equal(made.sent, 2);
});

everywhere(client, 'cancel', async (kind, model) => {
  const said = await behave(kind, { completion_tokens: 400, chunks_per_second: 40, stops_billing_on_disconnect: true }, '[[tokens=400 delay_ms=25]]');
  const abort = new AbortController();
  const stream = await connect().chat.completions.create(
    { model, messages: [{ role: 'user', content: said }], max_tokens: 500, stream: true }, { signal: abort.signal });
  let words = 0;
  try {
    for await (const chunk of stream) {
      words += chunk.choices[0].delta.content ? 1 : 0;
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
  for await (const chunk of await made.chat.completions.create({ model, messages: [{ role: 'user', content: said }], max_tokens: 50, stream: true })) {
    text += chunk.choices[0]?.delta.content ?? '';
  }
  assert.equal(text.split(' ').length, 2);
  assert.ok(made.pings > 0);
});

everywhere(client, 'budget refusal', async (kind, model) => {
  const made = connect({ apiKey: cappedKey, maxRetries: 5 });
  await assert.rejects(made.chat.completions.create({ model, messages: [{ role: 'user', content: 'a' }], max_tokens: 50 }), (error) => {
    assert.deepEqual([error.status, error.code, error.headers.get('x-should-retry')], [402, 'insufficient_quota', 'false']);
    return true;
  });
  assert.equal(made.sent, 1);
  assert.equal((await books()).received, 0);
});

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { books, connect, hello, model, reset, script } from './session.mjs';

beforeEach(reset);

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a place.',
    parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
  },
};
const clock = { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } };
const oslo = { name: 'get_weather', arguments: '{"place":"Oslo"}' };
const noon = { name: 'get_time', arguments: '{"zone":"UTC"}' };

test('a tool call comes back with id, name and arguments, and its result can be handed in', async () => {
  await script({ next: [{ tool_calls: [oslo] }, { text: 'It rains in Oslo.', completion_tokens: 5 }] });
  const client = connect();
  const asked = await client.chat.completions.create({
    model, messages: hello, tools: [weather], tool_choice: 'required', max_tokens: 50,
  });
  const [call] = asked.choices[0].message.tool_calls;
  assert.equal(asked.choices[0].finish_reason, 'tool_calls');
  assert.equal(call.function.name, 'get_weather');
  assert.deepEqual(JSON.parse(call.function.arguments), { place: 'Oslo' });

  const answered = await client.chat.completions.create({
    model,
    max_tokens: 50,
    tools: [weather],
    messages: [...hello, asked.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'rain' }],
  });
  assert.equal(answered.choices[0].message.content, 'It rains in Oslo.');
  assert.equal((await books()).received, 2);
});

test('parallel tool calls keep their order', async () => {
  await script({ next: [{ tool_calls: [oslo, noon] }] });
  const asked = await connect().chat.completions.create({ model, messages: hello, tools: [weather, clock], max_tokens: 50 });
  assert.deepEqual(asked.choices[0].message.tool_calls.map((call) => call.function.name), ['get_weather', 'get_time']);
  assert.equal(new Set(asked.choices[0].message.tool_calls.map((call) => call.id)).size, 2);
});

test('streamed parallel tool calls are assembled from their pieces', async () => {
  await script({ next: [{ tool_calls: [oslo, noon] }] });
  const runner = connect().chat.completions.stream({ model, messages: hello, tools: [weather, clock], max_tokens: 50 });
  const final = await runner.finalChatCompletion();
  const calls = final.choices[0].message.tool_calls;
  assert.equal(final.choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
    [['get_weather', { place: 'Oslo' }], ['get_time', { zone: 'UTC' }]]);
});

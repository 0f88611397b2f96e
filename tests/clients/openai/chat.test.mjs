import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { books, connect, hello, model, reset, script } from './session.mjs';

beforeEach(reset);

test('a plain completion arrives whole, with usage and our request id', async () => {
  await script({ next: [{ text: 'Good morning.', prompt_tokens: 11, completion_tokens: 3 }] });
  const { data, response } = await connect().chat.completions.create({ model, messages: hello, max_tokens: 50 }).withResponse();

  assert.equal(data.object, 'chat.completion');
  assert.equal(data.choices[0].message.content, 'Good morning.');
  assert.equal(data.choices[0].finish_reason, 'stop');
  assert.deepEqual([data.usage.prompt_tokens, data.usage.completion_tokens, data.usage.total_tokens], [11, 3, 14]);
  assert.match(response.headers.get('x-request-id'), /^req_/);
  assert.equal(data._request_id, response.headers.get('x-request-id'));
});

test('the output cap of the client reaches the provider', async () => {
  const answer = await connect().chat.completions.create({ model, messages: hello, max_tokens: 5 });
  assert.equal(answer.choices[0].finish_reason, 'length');
  assert.equal(answer.usage.completion_tokens, 5);
  assert.equal((await books()).bills[0].cap, 5);
});

test('a stream brings its chunks in order and no usage that was not asked for', async () => {
  await script({ next: [{ text: 'one two three four', completion_tokens: 4 }] });
  const stream = await connect().chat.completions.create({ model, messages: hello, max_tokens: 50, stream: true });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);

  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join(''), 'one two three four');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
  assert.ok(chunks.every((chunk) => chunk.choices.length === 1 && !chunk.usage), 'no usage chunk, no empty choices');
  assert.equal((await books()).bills[0].include_usage, true, 'the gateway asks for usage on its own account');
});

test('a stream with include_usage ends with exactly one usage chunk', async () => {
  await script({ next: [{ prompt_tokens: 9, completion_tokens: 4 }] });
  const stream = await connect().chat.completions.create({
    model, messages: hello, max_tokens: 50, stream: true, stream_options: { include_usage: true },
  });
  const counted = [];
  for await (const chunk of stream) if (chunk.usage) counted.push(chunk);

  assert.equal(counted.length, 1);
  assert.deepEqual(counted[0].choices, []);
  assert.deepEqual([counted[0].usage.prompt_tokens, counted[0].usage.completion_tokens], [9, 4]);
});

test('the streaming runner of the client assembles the whole message', async () => {
  await script({ next: [{ text: 'assembled by the client', completion_tokens: 6 }] });
  const runner = connect().chat.completions.stream({ model, messages: hello, max_tokens: 50 });
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].message.content, 'assembled by the client');
});

test('a stream of 5,000 chunks arrives complete', async () => {
  await script({ next: [{ completion_tokens: 5000 }] });
  const stream = await connect().chat.completions.create({ model, messages: hello, max_tokens: 8000, stream: true });
  let text = '';
  let chunks = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0].delta.content ?? '';
    chunks += 1;
  }

  assert.equal(text, 'tok '.repeat(5000));
  assert.equal(chunks, 5002);
});

test('a slow stream arrives while it is spoken, not at its end', async () => {
  await script({ next: [{ completion_tokens: 20, chunks_per_second: 20 }] });
  const started = performance.now();
  const stream = await connect().chat.completions.create({ model, messages: hello, max_tokens: 50, stream: true });
  let first;
  for await (const chunk of stream) first ??= chunk.choices[0].delta.content ? performance.now() - started : undefined;
  assert.ok(first < 700, `the first word came after ${first} ms of a stream of 1,000 ms`);
});

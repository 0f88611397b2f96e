import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import OpenAI from 'openai';
import { books, connect, hello, model, reset, script } from './session.mjs';

beforeEach(reset);

for (const status of [429, 500, 503]) {
  test(`a provider's ${status} is retried by the client, and only the answer is billed`, async () => {
    await script({ next: [{ status }, { text: 'second time lucky', completion_tokens: 4, prompt_tokens: 10 }] });
    const client = connect({ maxRetries: 2 });
    const answer = await client.chat.completions.create({ model, messages: hello, max_tokens: 50 });

    assert.equal(answer.choices[0].message.content, 'second time lucky');
    const { received, bills } = await books();
    assert.equal(received, 2);
    assert.deepEqual(bills.map((bill) => bill.completion_tokens), [0, 4]);
  });
}

test('a client that does not retry sees the 429 as it is', async () => {
  await script({ next: [{ status: 429 }] });
  const client = connect({ maxRetries: 0 });
  await assert.rejects(client.chat.completions.create({ model, messages: hello, max_tokens: 50 }), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    return true;
  });
  assert.equal(client.sent, 1);
});

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import OpenAI from 'openai';
import { books, cappedKey, connect, hello, model, reset, script } from './session.mjs';

beforeEach(reset);

const ask = (client, more = {}) => client.chat.completions.create({ model, messages: hello, max_tokens: 50, ...more });

test('an invalid key is an AuthenticationError', async () => {
  const client = connect({ apiKey: 'crew_sk_live_thisisnokey' });
  await assert.rejects(ask(client), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.deepEqual([error.status, error.code], [401, 'invalid_api_key']);
    assert.match(error.requestID, /^req_/);
    return true;
  });
  assert.equal(client.sent, 1);
  assert.equal((await books()).received, 0);
});

test('an unknown model is a NotFoundError', async () => {
  await assert.rejects(ask(connect(), { model: 'no-such-model' }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.deepEqual([error.status, error.code], [404, 'model_not_found']);
    return true;
  });
});

for (const stream of [false, true]) {
  test(`a spent budget is 402, never retried (${stream ? 'streamed' : 'plain'})`, async () => {
    const client = connect({ apiKey: cappedKey, maxRetries: 5 });
    await assert.rejects(ask(client, { stream }), (error) => {
      assert.ok(error instanceof OpenAI.APIError);
      assert.equal(error.status, 402);
      assert.ok([error.code, error.type].includes('insufficient_quota'), `${error.code} ${error.type}`);
      assert.equal(error.headers.get('x-should-retry'), 'false');
      return true;
    });
    assert.equal(client.sent, 1);
    assert.equal((await books()).received, 0);
  });
}

test("the provider's own refusal of a request passes unchanged", async () => {
  const error = { message: 'Too long by half.', type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' };
  await script({ next: [{ status: 400, error_body: JSON.stringify({ error }) }] });
  await assert.rejects(ask(connect()), (refusal) => {
    assert.ok(refusal instanceof OpenAI.BadRequestError);
    assert.deepEqual(refusal.error, error);
    return true;
  });
});

test("a credential that the provider refuses is the gateway's trouble, not the client's", async () => {
  await script({ next: [{ status: 401 }] });
  await assert.rejects(ask(connect({ maxRetries: 0 })), (error) => {
    assert.deepEqual([error.status, error.code], [502, 'provider_credentials_rejected']);
    return true;
  });
});

test('a stream that the provider cuts ends in an error, not as if it were whole', async () => {
  await script({ next: [{ completion_tokens: 20, cut_after_chunks: 3 }] });
  const stream = await ask(connect({ maxRetries: 0 }), { stream: true });
  let words = 0;
  await assert.rejects(async () => {
    for await (const chunk of stream) words += chunk.choices[0]?.delta.content ? 1 : 0;
  });
  assert.equal(words, 3);
});

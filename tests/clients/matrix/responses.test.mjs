import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { address, behave, key, models, oslo, weather } from './session.mjs';

const connect = () => new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0 });

for (const kind of ['openai', 'sandbox']) {
  test(`a response of ${kind} arrives whole and streamed`, async () => {
    const said = await behave(kind, [{ text: 'Good morning.', completion_tokens: 3 }, { text: 'one two three', completion_tokens: 3 }], '[[tokens=3]]');
    const whole = await connect().responses.create({ model: models[kind], input: said, max_output_tokens: 50 });
    assert.equal(whole.status, 'completed');
    assert.ok(whole.output_text.length > 5);
    let text = '';
    let last;
    for await (const event of await connect().responses.create({ model: models[kind], input: said, max_output_tokens: 50, stream: true })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
      last = event;
    }
    assert.equal(text.split(' ').length, 3);
    assert.equal(last.type, 'response.completed');
    assert.equal(last.response.usage.output_tokens, 3);
  });

  test(`a call of a tool in a response of ${kind} can be answered`, async () => {
    const said = await behave(kind, [{ tool_calls: [oslo] }, { text: 'Rain.', completion_tokens: 2 }], '[[tool=get_weather{"place":"Oslo"}]]');
    const tools = [{ type: 'function', name: 'get_weather', parameters: weather, strict: false }];
    const asked = await connect().responses.create({ model: models[kind], input: said, tools });
    const call = asked.output.find((item) => item.type === 'function_call');
    assert.deepEqual(JSON.parse(call.arguments), { place: 'Oslo' });
    const answered = await connect().responses.create({
      model: models[kind], tools,
      input: [{ role: 'user', content: said }, ...asked.output, { type: 'function_call_output', call_id: call.call_id, output: 'rain' }, { role: 'user', content: 'So?' }],
    });
    assert.equal(answered.status, 'completed');
  });
}

test('a response that breaks off is an error, not an end', async () => {
  await behave('openai', { completion_tokens: 20, cut_after_chunks: 3 });
  const stream = await connect().responses.create({ model: models.openai, input: 'a', stream: true });
  await assert.rejects(async () => {
    for await (const event of stream) assert.notEqual(event.type, 'response.completed');
  });
});

test('what needs stored responses is refused by its name', async () => {
  await assert.rejects(connect().responses.create({ model: models.openai, input: 'a', previous_response_id: 'resp_1' }), (error) => {
    assert.deepEqual([error.status, error.param], [400, 'previous_response_id']);
    return true;
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { connect, model } from './session.mjs';

test('the list holds the catalogue in the shape of the dialect', async () => {
  const listed = [];
  for await (const each of connect().models.list()) listed.push(each);
  const ours = listed.find((each) => each.id === model);
  assert.equal(ours?.object, 'model');
  assert.equal(typeof ours.created, 'number');
  assert.equal(typeof ours.owned_by, 'string');
});

test('one model can be retrieved by its id', async () => {
  const found = await connect().models.retrieve(model);
  assert.deepEqual([found.id, found.object], [model, 'model']);
});

test('an unknown model is a NotFoundError', async () => {
  await assert.rejects(connect().models.retrieve('no-such-model'), OpenAI.NotFoundError);
});

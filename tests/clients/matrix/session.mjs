import { beforeEach, test } from 'node:test';
import { books, reset, script } from '../openai/session.mjs';

export { books, script };

/** The model of each kind of provider; the mock stands behind the first two, the third answers inside the product. */
export const models = JSON.parse(process.env.CREW_MODELS);

export const key = process.env.CREW_KEY;
export const cappedKey = process.env.CREW_CAPPED_KEY;
export const address = new URL('/', process.env.CREW_BASE_URL).origin;

/** Makes the model behave, whatever kind it is: by a script of the mock, or by directives. Returns what to say to it. */
export async function behave(kind, behavior, directives = '') {
  if (kind !== 'sandbox') await script({ next: [].concat(behavior) });
  return kind === 'sandbox' ? directives || 'Say something.' : 'Say something.';
}

export const weather = { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] };
export const oslo = { name: 'get_weather', arguments: '{"place":"Oslo"}' };
export const rome = { name: 'get_weather', arguments: '{"place":"Rome"}' };
export const osloRome = '[[tool=get_weather{"place":"Oslo"} tool=get_weather{"place":"Rome"}]]';

/** A picture of one pixel. */
export const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** One case before each kind of provider; the titles are the cells of the published matrix. */
export function everywhere(client, name, body, kinds = Object.keys(models)) {
  for (const kind of kinds) test(`${client} | ${name} | ${kind}`, () => body(kind, models[kind]));
}

/** Waits until the provider has nothing in flight any more. */
export async function quiet() {
  for (let attempt = 0; attempt < 200; attempt++) {
    const now = await books();
    if (now.in_flight === 0) return now;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('The provider still speaks to a client that has gone.');
}

beforeEach(async () => {
  await quiet();
  await reset();
});

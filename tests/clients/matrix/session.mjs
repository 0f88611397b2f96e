import { beforeEach, test } from 'node:test';
import { books, reset, script } from '../openai/session.mjs';

export { books, script };

/** The model of each kind of provider; the mock stands behind all but the sandbox, which answers inside the product. */
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

/** A provider that says nothing for longer than a stream stays silent, which is 0.3 s here. */
export const silence = [{ text: 'at last', completion_tokens: 2, first_byte_delay_ms: 800 }, '[[tokens=2 delay_ms=800]]'];

/** A fetch that counts what it sends, and the signs of life that come back on the wire, which the clients themselves pass over. */
export function watch(seen) {
  return async (url, init) => {
    seen.sent += 1;
    const answer = await fetch(url, init);
    if (!answer.body || !answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer;
    const watched = answer.body.pipeThrough(new TransformStream({
      transform(bytes, out) {
        seen.pings += new TextDecoder().decode(bytes).includes(': ping') ? 1 : 0;
        out.enqueue(bytes);
      },
    }));
    return new Response(watched, { status: answer.status, headers: answer.headers });
  };
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

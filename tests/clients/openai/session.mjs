import OpenAI from 'openai';

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; the test project Clients.Tests sets it.`);
  return value;
}

export const model = required('CREW_MODEL');
export const cappedKey = required('CREW_CAPPED_KEY');
const baseURL = required('CREW_BASE_URL');
const control = required('CREW_CONTROL_URL');

/** A client as its documentation makes it, that also counts what it sends. */
export function connect(options = {}) {
  const client = new OpenAI({
    baseURL,
    apiKey: required('CREW_KEY'),
    ...options,
    fetch: (url, init) => {
      client.sent += 1;
      return fetch(url, init);
    },
  });
  client.sent = 0;
  return client;
}

async function call(path, body) {
  const answer = await fetch(`${control}/${path}`, body && { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** Tells the mock provider how to treat the requests to come. */
export const script = (behaviors) => call('script', behaviors);

/** Empties the mock provider's script and books. */
export const reset = () => call('reset', {});

export const books = () => call('books');

export const hello = [{ role: 'user', content: 'Say something.' }];

export interface Sample {
  id: string;
  name: string;
  install: string | null;
  code: string;
}

/** The same request three ways. The key is part of the text, as it is shown once and has to be copied whole. */
export function samplesOf(address: string, key: string, model: string): Sample[] {
  return [
    {
      id: "curl",
      name: "curl",
      install: null,
      code: `curl ${address}/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello, Crew"}]}'`,
    },
    {
      id: "openai",
      name: "OpenAI SDK",
      install: "npm install openai",
      code: `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "${address}/v1",
  apiKey: "${key}",
});
const answer = await client.chat.completions.create({
  model: "${model}",
  messages: [{ role: "user", content: "Hello, Crew" }],
});
console.log(answer.choices[0].message.content);`,
    },
    {
      id: "anthropic",
      name: "Anthropic SDK",
      install: "npm install @anthropic-ai/sdk",
      code: `import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: "${address}",
  apiKey: "${key}",
});
const answer = await client.messages.create({
  model: "${model}",
  max_tokens: 100,
  messages: [{ role: "user", content: "Hello, Crew" }],
});
console.log(answer.content[0].text);`,
    },
  ];
}

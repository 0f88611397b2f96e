import { eventsOf } from "../api/eventStream";
import { faultOf } from "../api/fault";

export interface Message {
  role: "user" | "assistant" | "system";
  content: string;
}

export interface Answer {
  text: string;
  firstMs: number | null;
  totalMs: number | null;
  inputTokens: number | null;
  outputTokens: number | null;
  isSandbox: boolean;
  requestId: string | null;
}

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  error?: { message?: string; code?: string };
}

/** What one chunk of a stream adds to an answer. */
export function plus(answer: Answer, chunk: Chunk): Answer {
  return {
    ...answer,
    text: answer.text + (chunk.choices?.[0]?.delta?.content ?? ""),
    inputTokens: chunk.usage?.prompt_tokens ?? answer.inputTokens,
    outputTokens: chunk.usage?.completion_tokens ?? answer.outputTokens,
  };
}

/** Asks a model as the person, and tells what it says as it says it. */
export async function ask(workspaceId: string, crewId: string | null, request: { model: string; messages: Message[]; maximum: number }, signal: AbortSignal, onWords: (answer: Answer) => void): Promise<Answer> {
  const started = performance.now();
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", "X-Crew-Workspace": workspaceId, ...(crewId ? { "X-Crew-Id": crewId } : {}) },
    body: JSON.stringify({ model: request.model, messages: request.messages, max_tokens: request.maximum, stream: true, stream_options: { include_usage: true } }),
  });
  if (!response.ok) {
    throw faultOf(response, await response.json().catch(() => null));
  }
  let answer: Answer = {
    text: "", firstMs: null, totalMs: null, inputTokens: null, outputTokens: null,
    isSandbox: response.headers.get("X-Crew-Sandbox") === "true" || request.model.startsWith("crew-sandbox-"), requestId: response.headers.get("X-Request-Id"),
  };
  for await (const event of eventsOf(response)) {
    if (event.data === "[DONE]") {
      break;
    }
    const chunk = JSON.parse(event.data) as Chunk;
    if (chunk.error) {
      throw faultOf(response, chunk);
    }
    answer = plus({ ...answer, firstMs: answer.firstMs ?? Math.round(performance.now() - started) }, chunk);
    onWords(answer);
  }
  return { ...answer, totalMs: Math.round(performance.now() - started) };
}

import { describe, expect, it } from "vitest";
import { plus } from "../gateway/conversation";
import { EventStream } from "./eventStream";
import { asFault, faultOf } from "./fault";

describe("a stream of events", () => {
  it("gives whole events, wherever the bytes are cut", () => {
    const text = "id: 1\nevent: request\ndata: {\"a\":\ndata: 1}\n\n: a comment\n\ndata: [DONE]\r\n\r\n";
    for (let cut = 0; cut <= text.length; cut += 1) {
      const stream = new EventStream();
      const events = [...stream.feed(text.slice(0, cut)), ...stream.feed(text.slice(cut))];
      expect(events).toEqual([{ id: "1", type: "request", data: "{\"a\":\n1}" }, { id: null, type: "message", data: "[DONE]" }]);
    }
  });

  it("adds words and counts to an answer", () => {
    const empty = { text: "", firstMs: null, totalMs: null, inputTokens: null, outputTokens: null, isSandbox: true, requestId: null };
    const answer = [{ choices: [{ delta: { content: "a" } }] }, { choices: [{ delta: {} }] }, { choices: [], usage: { prompt_tokens: 3, completion_tokens: 1 } }].reduce(plus, empty);
    expect(answer).toMatchObject({ text: "a", inputTokens: 3, outputTokens: 1 });
  });
});

describe("a refusal", () => {
  it("is read in both dialects, and without any", () => {
    const response = (status: number, headers: Record<string, string> = {}) => new Response(null, { status, headers });
    expect(faultOf(response(403, { "X-Request-Id": "req_1" }), { success: false, error: { code: "insufficient_permissions", message: "No.", details: { required: "a" } } }))
      .toMatchObject({ status: 403, code: "insufficient_permissions", message: "No.", requestId: "req_1", page: "/docs/errors/insufficient_permissions" });
    expect(faultOf(response(429, { "Retry-After": "7" }), { error: { code: "rate_limit_exceeded", message: "Slow down.", type: "x" } })).toMatchObject({ retryAfterSeconds: 7 });
    expect(faultOf(response(502), null)).toMatchObject({ code: "http_502", details: {} });
    expect(asFault(new TypeError("Failed to fetch"))).toMatchObject({ isOffline: true, page: null });
  });
});

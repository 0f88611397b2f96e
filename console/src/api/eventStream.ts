export interface ServerEvent {
  id: string | null;
  type: string;
  data: string;
}

/** Takes a text/event-stream apart as its bytes come (WHATWG HTML, section 9.2.6). Give it text, get whole events. */
export class EventStream {
  private rest = "";

  feed(text: string): ServerEvent[] {
    const blocks = (this.rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(EventStream.read).filter((event) => event !== null);
  }

  private static read(block: string): ServerEvent | null {
    const event: ServerEvent = { id: null, type: "message", data: "" };
    const lines: string[] = [];
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      const [field, value] = colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
      if (field === "data") {
        lines.push(value);
      } else if (field === "event") {
        event.type = value;
      } else if (field === "id") {
        event.id = value;
      }
    }
    event.data = lines.join("\n");
    return lines.length > 0 ? event : null;
  }
}

/** The events of an answer, until it ends. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerEvent> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const stream = new EventStream();
  for (;;) {
    const read = await reader?.read();
    if (!read || read.done) {
      return;
    }
    yield* stream.feed(read.value);
  }
}

/** A refusal of the API, or the lack of any answer, in one shape. */
export class Fault extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    readonly requestId: string | null = null,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
    this.name = "Fault";
  }

  /** No answer came at all. */
  static readonly offline = "offline";

  get isOffline() {
    return this.code === Fault.offline;
  }

  /** The page that says what the code means; codes of our own have none. */
  get page() {
    return this.status === 0 ? null : `/docs/errors/${this.code}`;
  }
}

interface ErrorBody {
  error?: { code?: string | null; message?: string; details?: Record<string, unknown>; retry_after?: number; param?: string | null };
  request_id?: string;
}

/** Reads a refusal in the envelope or in OpenAI's dialect; a body that is neither is told by its status. */
export function faultOf(response: Response, body: unknown): Fault {
  const error = (typeof body === "object" && body !== null ? (body as ErrorBody).error : undefined) ?? {};
  const seconds = error.retry_after ?? Number(response.headers.get("Retry-After") ?? "");
  return new Fault(
    response.status,
    error.code ?? `http_${response.status}`,
    error.message ?? `The server answered ${response.status}.`,
    error.details ?? {},
    response.headers.get("X-Request-Id") ?? (body as ErrorBody | null)?.request_id ?? null,
    Number.isFinite(seconds) && seconds > 0 ? seconds : null,
  );
}

/** Whatever was thrown, as a fault: a failed fetch is the network's. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) {
    return thrown;
  }
  return thrown instanceof TypeError ? new Fault(0, Fault.offline, thrown.message) : new Fault(0, "unexpected", String(thrown));
}

import createClient, { type Client } from "openapi-fetch";
import { asFault, faultOf } from "./fault";
import type { components, paths } from "./schema";

export type Api = Client<paths>;
export type Schemas = components["schemas"];

const clients = new Map<string, Api>();

/** The client for a workspace. Sessions choose theirs by a header; without one the only one is meant. */
export function apiOf(workspaceId: string | undefined): Api {
  const known = clients.get(workspaceId ?? "");
  if (known) {
    return known;
  }
  const api = createClient<paths>({ baseUrl: "" });
  if (workspaceId) {
    api.use({
      onRequest: ({ request }) => {
        request.headers.set("X-Crew-Workspace", workspaceId);
        return request;
      },
    });
  }
  clients.set(workspaceId ?? "", api);
  return api;
}

interface Called<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

async function answered<T>(call: Promise<Called<T>>): Promise<T> {
  let result: Called<T>;
  try {
    result = await call;
  } catch (thrown) {
    throw asFault(thrown);
  }
  if (!result.response.ok || result.data === undefined) {
    throw faultOf(result.response, result.error);
  }
  return result.data;
}

/** What an answer's envelope holds. */
export async function dataOf<T>(call: Promise<Called<{ data: T }>>): Promise<T> {
  return (await answered(call)).data;
}

export interface PageOf<T> {
  rows: T[];
  next: string | null;
}

/** One page of a list, with where the next begins. */
export async function pageOf<T>(call: Promise<Called<{ data: T[]; pagination: { next_cursor: string | null } }>>): Promise<PageOf<T>> {
  const { data, pagination } = await answered(call);
  return { rows: data, next: pagination.next_cursor };
}

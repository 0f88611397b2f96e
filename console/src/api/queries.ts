import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { useWorkspaceId } from "../frame/workspace";
import { apiOf, type Api, type PageOf } from "./client";
import { asFault, type Fault } from "./fault";

/** Reads something of the workspace; its name is also what a change names to have it read again. */
export function useRead<T>(name: readonly unknown[], read: (api: Api, signal: AbortSignal) => Promise<T>, options: { enabled?: boolean; everyMilliseconds?: number } = {}) {
  const workspaceId = useWorkspaceId();
  return useQuery<T, Fault>({
    queryKey: [workspaceId, ...name],
    queryFn: ({ signal }) => read(apiOf(workspaceId), signal).catch((thrown) => Promise.reject(asFault(thrown))),
    enabled: options.enabled ?? true,
    refetchInterval: options.everyMilliseconds ?? false,
  });
}

/** Reads a list page by page. */
export function usePages<T>(name: readonly unknown[], read: (api: Api, cursor: string | undefined, signal: AbortSignal) => Promise<PageOf<T>>, options: { enabled?: boolean; everyMilliseconds?: number } = {}) {
  const workspaceId = useWorkspaceId();
  return useInfiniteQuery({
    queryKey: [workspaceId, ...name],
    queryFn: ({ pageParam, signal }) => read(apiOf(workspaceId), pageParam ?? undefined, signal).catch((thrown) => Promise.reject(asFault(thrown) as Error)),
    initialPageParam: null as string | null,
    getNextPageParam: (last: PageOf<T>) => last.next,
    enabled: options.enabled ?? true,
    // Whoever has gone further back is reading, and all pages would be fetched again.
    refetchInterval: (query) => (query.state.data && query.state.data.pages.length > 1 ? false : options.everyMilliseconds ?? false),
  });
}

/**
 * Changes something, and has what it touches read again. The key makes a second try after a lost answer the same request
 * (Idempotency-Key); another input is another request.
 */
export function useChange<In, Out>(change: (api: Api, input: In, key: string) => Promise<Out>, touches: readonly (readonly unknown[])[] = []) {
  const workspaceId = useWorkspaceId();
  const queries = useQueryClient();
  const attempt = useRef({ input: "", key: "" });
  return useMutation<Out, Fault, In>({
    mutationFn: (input) => {
      const text = JSON.stringify(input ?? null);
      if (attempt.current.input !== text) {
        attempt.current = { input: text, key: crypto.randomUUID() };
      }
      return change(apiOf(workspaceId), input, attempt.current.key).catch((thrown) => {
        const fault = asFault(thrown);
        if (!fault.isOffline) {
          attempt.current.input = "";
        }
        return Promise.reject(fault);
      });
    },
    onSuccess: () => {
      attempt.current.input = "";
      return Promise.all(touches.map((name) => queries.invalidateQueries({ queryKey: [workspaceId, ...name] })));
    },
  });
}

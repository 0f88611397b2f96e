import { dataOf, pageOf, type Schemas } from "../api/client";
import { faultOf } from "../api/fault";
import { usePages, useRead } from "../api/queries";

export type UsageGroup = Schemas["SumUsageAnswer"];
export type Key = Schemas["KeyAnswer"];

/** Names of keys by id, for tables that only have ids; empty for who may not see keys. */
export function useKeyNames(enabled: boolean): Map<string, Key> {
  const keys = usePages<Key>(["keys"], (api, cursor, signal) => pageOf(api.GET("/v1/api-keys", { params: { query: { limit: 100, cursor } }, signal })), { enabled });
  return new Map(keys.data?.pages.flatMap((page) => page.rows).map((key) => [key.id, key]));
}

export function useMembers(enabled: boolean) {
  return usePages<Schemas["MemberRoutesAnswer"]>(["members"], (api, cursor, signal) =>
    pageOf(api.GET("/v1/members", { params: { query: { limit: 100, cursor } }, signal })), { enabled });
}

export function useCrews() {
  return usePages<Schemas["CrewAnswer"]>(["crews"], (api, cursor, signal) => pageOf(api.GET("/v1/crews", { params: { query: { limit: 100, cursor } }, signal })));
}

export function useUsage(query: { from: string; to?: string; group_by: string; key_id?: string }, enabled = true) {
  return useRead<UsageGroup[]>(["usage", query], (api, signal) => dataOf(api.GET("/v1/gateway/usage", { params: { query }, signal })), { enabled });
}

interface ModelList {
  data: { id: string; object: string }[];
}

/** The models that one may call oneself, sandbox included, by the list that clients read. */
export function useCallableModels(enabled = true) {
  return useRead<string[]>(["callable-models"], async (api, signal) => {
    const { data, error, response } = await api.GET("/v1/models", { signal });
    if (!response.ok) {
      throw faultOf(response, error);
    }
    return (data as unknown as ModelList).data.map((model) => model.id);
  }, { enabled });
}

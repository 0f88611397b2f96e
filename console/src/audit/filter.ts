export type AuditSearch = Partial<Record<"event_type" | "actor_id" | "resource_id" | "outcome" | "request_id" | "from" | "to" | "log", string>>;

/** The filters as the API takes them: days become moments, empty ones are left out. */
export function queryOf(search: AuditSearch): Record<string, string> {
  const moments = new Set(["from", "to"]);
  return Object.fromEntries(
    Object.entries(search)
      .filter(([, value]) => value && value.trim().length > 0)
      .map(([name, value]) => [name, moments.has(name) && /^\d{4}-\d{2}-\d{2}$/.test(value) ? `${value}T00:00:00Z` : value.trim()]),
  );
}

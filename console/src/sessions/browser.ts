/** Names in user agents, the more particular ones first. */
const names: [string, string][] = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"], ["curl/", "curl"]];
const systems: [string, string][] = [["Windows", "Windows"], ["Android", "Android"], ["iPhone", "iPhone"], ["Mac OS X", "macOS"], ["Linux", "Linux"]];

/** What people know their browser by. */
export function browserOf(agent: string | null): string | null {
  if (!agent) {
    return null;
  }
  const name = names.find(([mark]) => agent.includes(mark))?.[1];
  const system = systems.find(([mark]) => agent.includes(mark))?.[1];
  return name ? [name, system].filter(Boolean).join(", ") : agent.slice(0, 40);
}

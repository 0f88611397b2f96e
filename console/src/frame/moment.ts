const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000_000], ["month", 2_592_000_000], ["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000],
];

const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** How long ago, or in how long, in the largest unit that fits. */
export function relative(at: string, now: number): string {
  const distance = Date.parse(at) - now;
  for (const [unit, milliseconds] of steps) {
    if (Math.abs(distance) >= milliseconds) {
      return words.format(Math.trunc(distance / milliseconds), unit);
    }
  }
  return Math.abs(distance) < 10_000 ? "just now" : words.format(Math.trunc(distance / 1000), "second");
}

/** The exact time as the API writes it, in UTC. */
export function exact(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
}

/** The UTC day of a moment. */
export function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** All UTC days from the first to the last, both included. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(`${first}T00:00:00Z`); at <= Date.parse(`${last}T00:00:00Z`); at += 86_400_000) {
    days.push(dayOf(at));
  }
  return days;
}

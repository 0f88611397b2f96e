/** Dollars as people read them; the API's text has nine decimals, and cents say nothing about a single call. */
export function money(text: string): string {
  const [whole = "0", fraction = ""] = text.replace("-", "").split(".");
  const sign = text.startsWith("-") ? "-" : "";
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const trimmed = fraction.replace(/0+$/, "");
  const isSmall = /^0*$/.test(whole) && /^00/.test(fraction) && trimmed.length > 0;
  return `${sign}$${grouped}.${isSmall ? trimmed : fraction.padEnd(2, "0").slice(0, 2)}`;
}

/** For charts only, where a pixel is worth more than a nano-dollar. */
export const dollars = (text: string) => Number(text);

/** Whether a text is an amount that the API takes: 0 to 9 decimals, more than nothing. */
export function isAmount(text: string): boolean {
  return /^\d{1,12}(\.\d{1,9})?$/.test(text) && /[1-9]/.test(text);
}

export function count(number: number): string {
  return Math.trunc(number).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A rounded count for axes and tiles: 1.2k, 3.4M. */
export function brief(number: number): string {
  const steps: [number, string][] = [[1e9, "B"], [1e6, "M"], [1e3, "k"]];
  for (const [size, unit] of steps) {
    if (Math.abs(number) >= size) {
      return `${(number / size).toFixed(number / size < 10 ? 1 : 0).replace(/\.0$/, "")}${unit}`;
    }
  }
  return `${Math.round(number * 100) / 100}`;
}

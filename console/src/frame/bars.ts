export interface Bars {
  days: string[];
  series: { name: string; values: number[] }[];
  total: number;
}

export interface DayValue {
  day: string;
  name: string;
  value: number;
}

/** The largest ones get a colour of their own, the rest share one. */
const mostSeries = 5;

/** Values by day as stacked bars, the largest series at the bottom; days without any stay as gaps. */
export function barsOf(values: readonly DayValue[], days: string[], others: string): Bars {
  const totals = new Map<string, number>();
  for (const { name, value } of values) {
    totals.set(name, (totals.get(name) ?? 0) + value);
  }
  const names = [...totals].sort((a, b) => b[1] - a[1]).map(([name]) => name);
  const shown = names.slice(0, names.length > mostSeries + 1 ? mostSeries : names.length);
  const isRest = shown.length < names.length;
  const index = new Map(days.map((day, at) => [day, at]));
  const series = [...shown, ...(isRest ? [others] : [])].map((name) => ({ name, values: days.map(() => 0) }));
  for (const { day, name, value } of values) {
    const at = index.get(day);
    const row = series[shown.includes(name) ? shown.indexOf(name) : series.length - 1];
    if (at !== undefined && row) {
      row.values[at] = (row.values[at] ?? 0) + value;
    }
  }
  return { days, series, total: [...totals.values()].reduce((sum, value) => sum + value, 0) };
}

/** The top of the axis: the smallest 1, 2 or 5 times a power of ten that every bar stays below. */
export function ceilingOf(bars: Bars): number {
  const highest = Math.max(...bars.days.map((_, at) => bars.series.reduce((sum, series) => sum + (series.values[at] ?? 0), 0)), 0);
  if (highest <= 0) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(highest));
  return ([1, 2, 5, 10].find((step) => step * power >= highest) ?? 10) * power;
}

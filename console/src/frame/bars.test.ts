import { describe, expect, it } from "vitest";
import { barsOf, ceilingOf } from "./bars";

const days = ["2026-12-01", "2026-12-02"];

describe("bars", () => {
  it("puts the largest series first and keeps days without any", () => {
    const bars = barsOf([{ day: "2026-12-01", name: "a", value: 1 }, { day: "2026-12-01", name: "b", value: 5 }], days, "others");
    expect(bars.series).toEqual([{ name: "b", values: [5, 0] }, { name: "a", values: [1, 0] }]);
    expect(bars.total).toBe(6);
  });

  it("joins what has no colour of its own, and loses nothing", () => {
    const values = Array.from({ length: 9 }, (_, at) => ({ day: "2026-12-02", name: `m${at}`, value: at + 1 }));
    const bars = barsOf(values, days, "others");
    expect(bars.series.map((series) => series.name)).toEqual(["m8", "m7", "m6", "m5", "m4", "others"]);
    expect(bars.series.reduce((sum, series) => sum + (series.values[1] ?? 0), 0)).toBe(45);
  });

  it.each([[0, 1], [0.0004, 0.0005], [7, 10], [10, 10], [1200, 2000]])("has %s below %s", (highest, ceiling) =>
    expect(ceilingOf(barsOf([{ day: "2026-12-01", name: "a", value: highest }], days, ""))).toBeCloseTo(ceiling, 9));
});

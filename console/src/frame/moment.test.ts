import { describe, expect, it } from "vitest";
import { daysBetween, exact, relative } from "./moment";

const now = Date.parse("2026-12-01T12:00:00Z");

describe("moments", () => {
  it.each([["2026-12-01T11:59:55Z", "just now"], ["2026-12-01T11:59:20Z", "40 seconds ago"], ["2026-12-01T11:00:00Z", "1 hour ago"], ["2026-11-30T11:00:00Z", "yesterday"], ["2026-12-01T13:30:00Z", "in 1 hour"], ["2024-11-01T00:00:00Z", "2 years ago"]])(
    "says %s as %s", (at, said) => expect(relative(at, now)).toBe(said));

  it("keeps the exact time in UTC", () => expect(exact("2026-12-01T01:02:03.456Z")).toBe("2026-12-01 01:02:03 UTC"));

  it("counts days over the end of a month", () => expect(daysBetween("2026-11-29", "2026-12-02")).toEqual(["2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"]));
});

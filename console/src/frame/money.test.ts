import { describe, expect, it } from "vitest";
import { brief, count, isAmount, money } from "./money";

describe("money", () => {
  it.each([["1.000000000", "$1.00"], ["0.500000000", "$0.50"], ["0.000060000", "$0.00006"], ["1234567.891000000", "$1,234,567.89"], ["0.000000000", "$0.00"], ["-0.250000000", "-$0.25"], ["0.009000000", "$0.009"], ["12.000000001", "$12.00"]])(
    "shows %s as %s", (text, shown) => expect(money(text)).toBe(shown));

  it.each([["5", true], ["0.50", true], ["0.000000001", true], ["0", false], ["0.0", false], ["", false], ["-1", false], ["1e3", false], ["0.0000000001", false], ["1,5", false]])(
    "takes %s for an amount: %s", (text, is) => expect(isAmount(text)).toBe(is));

  it("groups and rounds counts", () => {
    expect(count(1234567)).toBe("1,234,567");
    expect([brief(999), brief(1200), brief(12_345), brief(3_400_000), brief(0.25)]).toEqual(["999", "1.2k", "12k", "3.4M", "0.25"]);
  });
});

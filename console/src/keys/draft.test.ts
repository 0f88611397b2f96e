import { describe, expect, it } from "vitest";
import { complaintsOf, isNetwork, newDraft, requestOf } from "./draft";
import { offeredTo, presetOf, presets, presetsFor } from "./rights";

describe("a key that is being made", () => {
  it("asks for the least: a name, one permission, a cap", () => {
    expect(complaintsOf(newDraft)).toHaveProperty("name");
    expect(complaintsOf({ ...newDraft, name: "a" })).toEqual({});
    expect(requestOf({ ...newDraft, name: " a " })).toEqual({ name: "a", permissions: ["models:invoke"], mode: "live", budget: { amount_usd: "5.00", window: "day", mode: "strict" } });
  });

  it("names its environment or its mode, never both", () => {
    expect(requestOf({ ...newDraft, reach: "production", window: "none" })).toEqual({ name: "", permissions: ["models:invoke"], environment: "production" });
    expect(requestOf({ ...newDraft, reach: "test", window: "none" })).toHaveProperty("mode", "test");
  });

  it("belongs to its maker where that is chosen", () => expect(requestOf({ ...newDraft, name: "a", kind: "user" })).toHaveProperty("kind", "user"));

  it("tells every field that is wrong", () =>
    expect(Object.keys(complaintsOf({ ...newDraft, permissions: [], ips: "10.0.0.1 nonsense", amount: "0", rate: "-1" })).sort()).toEqual(["amount", "ips", "name", "permissions", "rate"]));

  it.each([["10.0.0.1", true], ["10.0.0.0/8", true], ["2001:db8::/32", true], ["::1", true], ["10.0.0.300", false], ["10.0.0.0/33", false], ["example.org", false], ["10.0.0.1/8/8", false]])(
    "takes %s for a network: %s", (text, is) => expect(isNetwork(text)).toBe(is));
});

describe("rights", () => {
  it("offers nobody what they do not have", () => {
    expect(offeredTo(["usage:read", "models:invoke"]).flatMap((group) => group.permissions)).toEqual(["models:invoke", "usage:read"]);
    expect(presetsFor(["models:invoke"])).toEqual(["caller", "own"]);
  });

  it("knows a preset again", () => {
    expect(presetOf([...presets.reporter].reverse())).toBe("reporter");
    expect(presetOf(["usage:read"])).toBe("own");
  });
});

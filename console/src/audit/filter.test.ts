import { expect, it } from "vitest";
import { rolesToGive } from "../people/roleOffers";
import { browserOf } from "../sessions/browser";
import { samplesOf } from "../start/samples";
import { queryOf } from "./filter";

it("sends days as moments and no empty filter", () =>
  expect(queryOf({ event_type: "api_key.*", actor_id: " ", from: "2026-12-01", to: "", outcome: "denied" })).toEqual({ event_type: "api_key.*", from: "2026-12-01T00:00:00Z", outcome: "denied" }));

it("offers no role above one's own", () => {
  expect(rolesToGive({ role: "admin", permissions: ["members:write"], organization_permissions: [] })).toEqual(["admin", "member", "viewer"]);
  expect(rolesToGive({ role: "owner", permissions: ["members:write", "billing:write"], organization_permissions: ["organization:write"] })).toContain("org_owner");
  expect(rolesToGive({ role: "viewer", permissions: [], organization_permissions: [] })).toEqual([]);
});

it("names browsers as people do", () => {
  expect(browserOf("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36")).toBe("Chrome, Linux");
  expect(browserOf(null)).toBeNull();
});

it("writes the key and the address into every sample", () => {
  for (const sample of samplesOf("https://crew.example", "crew_sk_test_x", "m")) {
    expect(sample.code).toContain("crew_sk_test_x");
    expect(sample.code).toContain("https://crew.example");
  }
});

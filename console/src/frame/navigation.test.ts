import { describe, expect, it } from "vitest";
import { actions, menuOf, pageOfId, search, sections } from "./navigation";
import { chooseWorkspace } from "./session";

const viewer = { permissions: ["models:read", "usage:read", "crews:read"], organization_permissions: [] };

describe("navigation", () => {
  it("shows a viewer what they may see, and no section that would be empty", () => {
    expect(menuOf(viewer).flatMap((section) => section.places.map((place) => place.path))).toEqual(["", "/gateway/models", "/gateway/usage", "/gateway/requests", "/crews", "/sessions"]);
    expect(menuOf({ permissions: [], organization_permissions: ["workspaces:read"] }).at(-1)?.places.map((place) => place.path)).toEqual(["/organization"]);
  });

  it("finds by every word of the name or of what else a page is called", () => {
    const all = [...sections.flatMap((section) => section.places), ...actions];
    expect(search(all, "spend").map((place) => place.path)).toContain("/gateway/usage");
    expect(search(all, "invite")[0]?.path).toBe("/people?invite=true");
    expect(search(all, "no such thing")).toEqual([]);
  });

  it("opens ids that have a page", () => {
    expect(pageOfId(" key_01m8qm8qhne0karwe6fkvvw0gw ")).toBe("/keys/key_01m8qm8qhne0karwe6fkvvw0gw");
    expect(pageOfId("ws_01m8qm8qhne0karwe6fkvvw0gw")).toBeNull();
    expect(pageOfId("key_../../docs")).toBeNull();
  });

  it("goes back to the workspace that was looked at last, if it is still one's own", () => {
    expect(chooseWorkspace(["a", "b"], "b")).toBe("b");
    expect(chooseWorkspace(["a", "b"], "gone")).toBe("a");
    expect(chooseWorkspace([], null)).toBeUndefined();
  });
});

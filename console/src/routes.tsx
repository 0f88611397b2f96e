import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from "@tanstack/react-router";
import { Arrival } from "./frame/Arrival";
import { Broken, Missing, Nowhere } from "./frame/Lost";
import { Workspace } from "./frame/Workspace";
import { Overview } from "./overview/Overview";

const root = createRootRoute({ component: Outlet, notFoundComponent: Nowhere });
const arrival = createRoute({ getParentRoute: () => root, path: "/", component: Arrival });
const workspace = createRoute({ getParentRoute: () => root, path: "/w/$workspaceId", component: Workspace, notFoundComponent: Missing });

type Search = Record<string, unknown>;
const text = (search: Search, name: string) => (typeof search[name] === "string" || typeof search[name] === "number" ? String(search[name]) : undefined);
const flag = (search: Search, name: string) => (search[name] === true || search[name] === "true" ? true : undefined);

/** The search part of an address: only what a page knows, so that a link from elsewhere brings nothing along. */
const texts = <Name extends string>(...names: Name[]) => (search: Search) =>
  Object.fromEntries(names.map((name) => [name, text(search, name)]).filter(([, value]) => value !== undefined)) as Partial<Record<Name, string>>;

const overview = createRoute({ getParentRoute: () => workspace, path: "/", component: Overview });
const start = createRoute({
  getParentRoute: () => workspace, path: "start", validateSearch: texts("step"), component: lazyRouteComponent(() => import("./start/FirstSteps"), "FirstSteps"),
});
const keys = createRoute({
  getParentRoute: () => workspace, path: "keys", validateSearch: texts("status"), component: lazyRouteComponent(() => import("./keys/KeyList"), "KeyList"),
});
const newKey = createRoute({ getParentRoute: () => workspace, path: "keys/new", component: lazyRouteComponent(() => import("./keys/NewKey"), "NewKey") });
const key = createRoute({ getParentRoute: () => workspace, path: "keys/$id", component: lazyRouteComponent(() => import("./keys/KeyPage"), "KeyPage") });
const providers = createRoute({
  getParentRoute: () => workspace, path: "gateway/providers", validateSearch: (search: Search) => ({ add: flag(search, "add") }),
  component: lazyRouteComponent(() => import("./gateway/Providers"), "Providers"),
});
const models = createRoute({
  getParentRoute: () => workspace, path: "gateway/models", validateSearch: (search: Search) => ({ add: flag(search, "add") }),
  component: lazyRouteComponent(() => import("./gateway/Models"), "Models"),
});
const usage = createRoute({
  getParentRoute: () => workspace, path: "gateway/usage", validateSearch: texts("by", "days", "show", "key_id"),
  component: lazyRouteComponent(() => import("./gateway/Usage"), "Usage"),
});
const requests = createRoute({
  getParentRoute: () => workspace, path: "gateway/requests", validateSearch: texts("model", "key_id"),
  component: lazyRouteComponent(() => import("./gateway/Requests"), "Requests"),
});
const request = createRoute({ getParentRoute: () => workspace, path: "gateway/requests/$id", component: lazyRouteComponent(() => import("./gateway/RequestPage"), "RequestPage") });
const budgets = createRoute({
  getParentRoute: () => workspace, path: "gateway/budgets", validateSearch: (search: Search) => ({ add: flag(search, "add") }),
  component: lazyRouteComponent(() => import("./gateway/Budgets"), "Budgets"),
});
const budget = createRoute({ getParentRoute: () => workspace, path: "gateway/budgets/$id", component: lazyRouteComponent(() => import("./gateway/BudgetPage"), "BudgetPage") });
const playground = createRoute({
  getParentRoute: () => workspace, path: "gateway/playground", validateSearch: texts("model"), component: lazyRouteComponent(() => import("./gateway/Playground"), "Playground"),
});
const crews = createRoute({ getParentRoute: () => workspace, path: "crews", component: lazyRouteComponent(() => import("./organization/Crews"), "Crews") });
const crew = createRoute({ getParentRoute: () => workspace, path: "crews/$id", component: lazyRouteComponent(() => import("./organization/CrewPage"), "CrewPage") });
const alerts = createRoute({ getParentRoute: () => workspace, path: "alerts", component: lazyRouteComponent(() => import("./alerts/Alerts"), "Alerts") });
const people = createRoute({
  getParentRoute: () => workspace, path: "people", validateSearch: (search: Search) => ({ tab: text(search, "tab"), invite: flag(search, "invite") }),
  component: lazyRouteComponent(() => import("./people/People"), "People"),
});
const audit = createRoute({
  getParentRoute: () => workspace, path: "audit", validateSearch: texts("event_type", "actor_id", "resource_id", "outcome", "request_id", "from", "to", "log"),
  component: lazyRouteComponent(() => import("./audit/AuditLog"), "AuditLog"),
});
const record = createRoute({
  getParentRoute: () => workspace, path: "audit/$id", validateSearch: texts("log"), component: lazyRouteComponent(() => import("./audit/RecordPage"), "RecordPage"),
});
const sessions = createRoute({ getParentRoute: () => workspace, path: "sessions", component: lazyRouteComponent(() => import("./sessions/Sessions"), "Sessions") });
const organization = createRoute({ getParentRoute: () => workspace, path: "organization", component: lazyRouteComponent(() => import("./organization/Workspaces"), "Workspaces") });

export const router = createRouter({
  routeTree: root.addChildren([
    arrival,
    workspace.addChildren([
      overview, start, keys, newKey, key, providers, models, usage, requests, request, budgets, budget, playground, crews, crew, people, alerts, audit, record, sessions, organization,
    ]),
  ]),
  defaultNotFoundComponent: Missing,
  defaultErrorComponent: Broken,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

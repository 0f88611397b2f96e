import "@mantine/core/styles/baseline.css";
import "@mantine/core/styles/default-css-variables.css";
import "@mantine/core/styles/global.css";
import "virtual:theme.css";
import "./theme/parts";
import "./theme/ground.css";
import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Fault } from "./api/fault";
import { signIn } from "./frame/session";
import { router } from "./routes";
import { theme } from "./theme/theme";

/** Without a session nothing here can be had: the sign-in page sends people back to where they were. */
function leaveWhenSignedOut(thrown: unknown) {
  if (thrown instanceof Fault && thrown.status === 401) {
    signIn();
  }
}

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: leaveWhenSignedOut }),
  mutationCache: new MutationCache({ onError: leaveWhenSignedOut }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, thrown) => failures < 2 && thrown instanceof Fault && (thrown.isOffline || thrown.status >= 500),
    },
    mutations: { networkMode: "always" },
  },
});

// After an upgrade the parts that this page would load are gone; the new page has new ones.
window.addEventListener("vite:preloadError", () => window.location.reload());

createRoot(document.getElementById("console")!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);

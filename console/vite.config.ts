import { convertCssVariables, DEFAULT_THEME, defaultCssVariablesResolver, mergeMantineTheme } from "@mantine/core";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { look } from "./src/theme/look.ts";

/**
 * The colours and sizes of the theme as a file of their own. Mantine would write them into the page while it runs, which
 * the content security policy forbids.
 */
function themeVariables(): Plugin {
  const name = "virtual:theme.css";
  return {
    name: "theme-variables",
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load: (id) => (id === `\0${name}` ? convertCssVariables(defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, look))) : undefined),
  };
}

// The server of `npm run dev` hands what is not the console's on to a running crew.
const server = process.env.CREW_URL ?? "http://127.0.0.1:7080";
const handedOn = ["/v1", "/account", "/sign-in", "/docs", "/assets", "/welcome", "/invite", "/reset", "/health"];

export default defineConfig({
  plugins: [react(), themeVariables()],
  build: {
    outDir: process.env.CREW_CONSOLE_OUT ?? "../artifacts/console",
    emptyOutDir: true,
    assetsDir: "console",
    assetsInlineLimit: 0,
    target: "es2022",
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    // One part holds React, Mantine, router and queries; `./bench.sh --console` watches what it weighs on the wire.
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: Object.fromEntries(handedOn.map((path) => [path, { target: server, changeOrigin: false }])) },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});

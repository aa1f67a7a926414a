import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const packages = fileURLToPath(new URL("./packages/", import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run the sources: a workspace import never needs a build first.
    alias: [
      { find: /^vtpm$/, replacement: `${packages}vtpm/src/index.ts` },
      { find: /^@vtpm\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
      { find: /^@vtpm\/([^/]+)\/(.+)$/, replacement: `${packages}$1/src/$2/index.ts` },
    ],
  },
  test: {
    setupFiles: [fileURLToPath(new URL("./vitest.setup.ts", import.meta.url))],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: "packages", include: ["packages/*/src/**/*.test.ts", "examples/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["conformance/**/*.test.ts"],
          globalSetup: ["conformance/programs.ts"],
          testTimeout: 300_000,
        },
      },
    ],
  },
});

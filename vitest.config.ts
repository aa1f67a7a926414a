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
    include: ["packages/*/src/**/*.test.ts", "conformance/**/*.test.ts"],
    testTimeout: 120_000,
  },
});

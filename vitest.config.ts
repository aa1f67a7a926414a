import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const packages = fileURLToPath(new URL("./packages/", import.meta.url));

/** Tests that boot machines, kernels and hypervisors: QEMU, libvirt, Xen, guests. */
const MACHINES = "conformance/{guest,kernel,libvirt,power-cut,qemu,xen}/**/*.test.ts";

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
    // One after the other where that matters: machines want the processors for themselves.
    projects: [
      { extends: true, test: { name: "packages", include: ["packages/*/src/**/*.test.ts", "examples/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["conformance/**/*.test.ts"],
          exclude: [MACHINES],
          globalSetup: ["conformance/programs.ts"],
          testTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: "machines",
          include: [MACHINES],
          globalSetup: ["conformance/programs.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

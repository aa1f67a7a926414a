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
    // Two processors are for two workers: vitest by itself keeps one of them back.
    maxWorkers: "100%",
    // Groups come one after the other: machines want the processors for themselves, one each, and only files in a row share a worker.
    projects: [
      {
        extends: true,
        test: {
          name: "packages",
          include: ["packages/{client,crypto,state,tpm2,wire}/src/**/*.test.ts"],
          // Pure packages have nothing that one test could spoil for the next, and loading the engine takes longer than most files.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "vtpm",
          include: ["packages/vtpm/src/**/*.test.ts", "examples/*.test.ts"],
          globalSetup: ["packages/vtpm/src/testing/provided-program.ts"],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["conformance/**/*.test.ts"],
          exclude: [MACHINES],
          globalSetup: ["conformance/programs.ts"],
          testTimeout: 300_000,
          sequence: { groupOrder: 1 },
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
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

// Runs the fuzzer from the sources: `npm run fuzz:state -- --minutes 30 --seed 1`.
import { fileURLToPath } from "node:url";
import { loadConfigFromFile, runnerImport } from "vite";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const loaded = await loadConfigFromFile({ command: "serve", mode: "test" }, `${root}vitest.config.ts`, root);
const { module } = await runnerImport(`${root}packages/state/src/testing/fuzz/main.ts`, {
  root,
  resolve: loaded?.config.resolve,
});
process.exitCode = await module.main(process.argv.slice(2));

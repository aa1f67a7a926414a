// Runs the fuzzer from the sources: `npm run fuzz -- --minutes 30 --seed 1`.
import { fileURLToPath } from "node:url";
import { loadConfigFromFile, runnerImport } from "vite";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const loaded = await loadConfigFromFile({ command: "serve", mode: "test" }, `${root}vitest.config.ts`, root);
const load = async (path) =>
  (await runnerImport(`${root}packages/${path}`, { root, resolve: loaded?.config.resolve })).module;
const { main } = await load("tpm2/src/testing/fuzz/main.ts");
// The twin that is stored and restored goes through libtpms' images, too.
const { moved } = await load("state/src/testing/moved.ts");
process.exitCode = await main(process.argv.slice(2), moved);

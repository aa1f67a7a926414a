// Compares with swtpm for as long as wanted: `npm run fuzz:swtpm -- --minutes 30 --seed 1`. A newer swtpm, by SWTPM_PROGRAMS, can be
// given a profile, too: `--profile '{"Name":"default-v1"}'`.
import { fileURLToPath } from "node:url";
import { loadConfigFromFile, runnerImport } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));
const loaded = await loadConfigFromFile({ command: "serve", mode: "test" }, `${root}vitest.config.ts`, root);
const { module } = await runnerImport(`${root}conformance/differential/main.ts`, {
  root,
  resolve: loaded?.config.resolve,
});
process.exitCode = await module.main(process.argv.slice(2));

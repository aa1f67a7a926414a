/**
 * Makes the program start fast: what `tsc -b` has built, in a handful of files instead of hundreds, below dist/bundled.
 * A third of the time and a quarter less memory until the TPM is ready.
 */
import { fileURLToPath } from "node:url";
import { build } from "vite";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));

await build({
  configFile: false,
  logLevel: "warn",
  ssr: { noExternal: true },
  build: {
    ssr: true,
    target: "node20",
    outDir: `${dist}bundled`,
    emptyOutDir: true,
    minify: false, // what people report should be readable, and it costs no time that can be measured
    rollupOptions: {
      input: { main: `${dist}program/main.js`, "job-worker": `${dist}jobs/job-worker.js` },
      // Side by side: the pool finds its thread by that.
      output: { entryFileNames: "[name].js", chunkFileNames: "[name].js" },
    },
  },
});

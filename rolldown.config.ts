import { defineConfig } from "rolldown";

/** The program in few files: loading hundreds of modules would take most of its start. */
export default defineConfig({
  input: {
    vtpm: "packages/vtpm/dist/program/main.js",
    "job-worker": "packages/vtpm/dist/jobs/job-worker.js",
    "poll-worker": "packages/vtpm/dist/native/poll-worker.js",
  },
  platform: "node",
  output: { dir: "packages/vtpm/dist/bundle", format: "es", cleanDir: true, minify: true },
});

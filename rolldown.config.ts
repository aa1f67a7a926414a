import { type BuildOptions, defineConfig, type Plugin } from "rolldown";

/** The programs by the name of their bundle; `bin/` has a file for each. */
const PROGRAMS = {
  vtpm: "program/main",
  swtpm: "program/swtpm/main",
  "swtpm-bios": "program/swtpm-bios/main",
  "swtpm-cert": "program/swtpm-cert/main",
  "swtpm-setup": "program/swtpm-setup/main",
  "swtpm-localca": "program/swtpm-localca/main",
  "swtpm-ioctl": "program/swtpm-ioctl/main",
};

/** What threads run. */
const WORKERS = { "job-worker": "jobs/job-worker", "poll-worker": "native/poll-worker" };

/** A file of ASCII alone is read without looking at each character. */
const ascii: Plugin = {
  name: "ascii",
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== "chunk") continue;
      chunk.code = chunk.code.replace(
        /[^\0-\x7f]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
    }
  },
};

/**
 * The programs in few files: loading hundreds of modules would take most of their start. They are CommonJS, since Node.js
 * starts with its module loader later; what threads run is loaded by applications, too.
 */
export function bundles(sources: string, extension: "js" | "ts", dir: string): BuildOptions[] {
  const input = (modules: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(modules).map(([name, path]) => [name, `${sources}/${path}.${extension}`]));
  return [
    {
      input: input(PROGRAMS),
      platform: "node",
      plugins: [ascii],
      output: {
        dir,
        format: "cjs",
        entryFileNames: "[name].cjs",
        chunkFileNames: "[name]-[hash].cjs",
        cleanDir: true,
        minify: true,
      },
    },
    {
      input: input(WORKERS),
      platform: "node",
      output: { dir, format: "es", minify: true },
    },
  ];
}

export default defineConfig(bundles("packages/vtpm/dist", "js", "packages/vtpm/dist/bundle"));

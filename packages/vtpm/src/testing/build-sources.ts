import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const packages = fileURLToPath(new URL("../../../", import.meta.url));

/** The package as it would be built, from the sources as they are: for processes and threads, which run JavaScript only. */
export interface Build {
  /** The program; for a build of `program/main.ts`. */
  readonly program: string;
  /** The file made of a source file, given as `program/main.ts`. */
  path(source: string): string;
  remove(): void;
}

/** Builds some source files of this package with all they import, into a folder of their own. */
export async function buildSources(...sources: readonly string[]): Promise<Build> {
  const directory = mkdtempSync(join(tmpdir(), "vtpm-build-"));
  for (const file of ["package.json", "bin"]) {
    cpSync(`${packages}vtpm/${file}`, join(directory, file), { recursive: true });
  }
  await build({
    configFile: false,
    logLevel: "error",
    resolve: {
      alias: [
        { find: /^@vtpm\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
        { find: /^@vtpm\/([^/]+)\/(.+)$/, replacement: `${packages}$1/src/$2/index.ts` },
      ],
    },
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: "node20",
      outDir: join(directory, "dist"),
      minify: false,
      rollupOptions: {
        input: sources.map((source) => `${packages}vtpm/src/${source}`),
        // One file for each source, where it would be in the package: some find others by their place.
        output: { preserveModules: true, preserveModulesRoot: `${packages}vtpm/src`, entryFileNames: "[name].js" },
      },
    },
  });
  return {
    program: join(directory, "bin", "vtpm.js"),
    path: (source) => join(directory, "dist", source.replace(/\.ts$/, ".js")),
    remove: () => rmSync(directory, { recursive: true }),
  };
}

import type { TestProject } from "vitest/node";
import { type BuiltProgram, buildProgram } from "./build-program.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Built once for all files, which leave it as it is; whoever puts something beside it builds one of his own. */
    builtProgram: Omit<BuiltProgram, "remove">;
  }
}

/** vitest's global set-up. */
export async function setup(project: TestProject): Promise<() => void> {
  const { remove, ...built } = await buildProgram();
  project.provide("builtProgram", built);
  return remove;
}

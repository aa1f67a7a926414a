import type { Description } from "../describe.ts";

/** The parts of a description that have no parts, in wire order: together they are the whole input. */
export function leavesOf(description: Description): readonly Description[] {
  return description.children.length === 0 ? [description] : description.children.flatMap(leavesOf);
}

import { describeImage } from "@vtpm/state";
import type { Bytes } from "@vtpm/wire";
import type { OpenedState } from "./opened-state.ts";
import { masked, type ReadablePart, readableTree } from "./readable-tree.ts";

/** Something that is not the same in two states; a value is absent on the side that does not have the part. */
export interface Difference {
  readonly path: string;
  readonly a: string | undefined;
  readonly b: string | undefined;
}

/** In what two states differ, whatever format they are written in; of secrets only that they do, unless they are to be shown. */
export function differences(a: OpenedState, b: OpenedState, secrets: boolean): Difference[] {
  const found: Difference[] = [];
  const treeOf = (image: Bytes | undefined): ReadablePart | undefined =>
    image && readableTree(describeImage(image), false);
  compare("", treeOf(a.image), treeOf(b.image), secrets, found);
  compare("volatile", treeOf(a.volatile?.image), treeOf(b.volatile?.image), secrets, found);
  return found;
}

export function differencesText(found: readonly Difference[], json: boolean): string {
  if (json) return `${JSON.stringify(found)}\n`;
  return found.map(({ path, a, b }) => `${path}: ${a ?? "absent"} -> ${b ?? "absent"}\n`).join("");
}

function compare(
  path: string,
  a: ReadablePart | undefined,
  b: ReadablePart | undefined,
  secrets: boolean,
  found: Difference[],
): void {
  if (a === undefined || b === undefined || a.secret || a.children.length === 0 || b.children.length === 0) {
    if (contentOf(a) === contentOf(b)) return;
    const text = (part: ReadablePart | undefined): string | undefined =>
      part && (secrets ? contentOf(part) : masked(part).text);
    found.push({ path, a: text(a), b: text(b) });
    return;
  }
  const [left, right] = [byName(a.children), byName(b.children)];
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    compare(path === "" ? name : `${path}.${name}`, left.get(name), right.get(name), secrets, found);
  }
}

/** Everything that a part says; what is not there says nothing. */
function contentOf(part: ReadablePart | undefined): string {
  if (part === undefined) return "";
  return part.children.length === 0
    ? part.text
    : part.children.map((child) => `${child.name}=${contentOf(child)}`).join(" ");
}

/** Parts by what they are called among their siblings: entries by their handle, others of one name by their number. */
function byName(parts: readonly ReadablePart[]): Map<string, ReadablePart> {
  const named = new Map<string, ReadablePart>();
  for (const part of parts) {
    const name = /^entries\[\d+\]$/.test(part.name) ? part.text : part.name;
    let unique = name;
    for (let number = 2; named.has(unique); number++) unique = `${name}[${number}]`;
    named.set(unique, part);
  }
  return named;
}

import type { Bytes } from "./bytes.ts";
import { Reader, type Tracer } from "./reader.ts";
import { Refusal } from "./refusal.ts";
import { ANY, type Rules } from "./rules.ts";
import type { Codec } from "./schema.ts";

/** A decoded value as people read it: what logs, test failures, packet dumps and the inspector show. */
export interface Description {
  readonly name: string;
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly raw: Bytes;
  readonly text: string;
  readonly children: readonly Description[];
  /** Why the bytes were refused here; the parts before are described all the same. */
  readonly refusal?: Refusal;
}

class Recorder implements Tracer {
  children: Description[] = [];

  part<T>(reader: Reader, name: string, codec: Codec<T>): T {
    const siblings = this.children;
    const offset = reader.offset;
    this.children = [];
    let text = "";
    let refusal: Refusal | undefined;
    try {
      const value = codec.read(reader);
      text = codec.text(value);
      return value;
    } catch (error) {
      if (error instanceof Refusal) refusal = error;
      throw error;
    } finally {
      const raw = reader.since(offset);
      const node = { name, type: codec.name, offset, size: raw.length, raw, text, children: this.children };
      siblings.push(refusal === undefined ? node : { ...node, text: refusal.message, refusal });
      this.children = siblings;
    }
  }
}

/** Decodes for reading: a tree of named parts, as far as the bytes can be decoded. */
export function describe(codec: Codec<unknown>, bytes: Bytes, rules: Rules = ANY): Description {
  const recorder = new Recorder();
  const reader = new Reader(bytes, rules, recorder);
  try {
    reader.part(codec.name, codec);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  const [root] = recorder.children;
  if (root === undefined) throw new Error(`nothing was recorded for ${codec.name}`);
  return root;
}

/** The dotted path to the part that was refused, or `undefined` if none was. */
export function refusedPath(root: Description): string | undefined {
  if (root.refusal === undefined) return undefined;
  const path: string[] = [];
  for (let node: Description | undefined = root; node !== undefined; node = node.children.find((c) => c.refusal)) {
    path.push(node.name);
  }
  return path.join(".");
}

/** One line per part: offset, name, type and value. */
export function formatDescription(root: Description, indent = ""): string {
  const lines = [`${indent}${String(root.offset).padStart(4)}  ${root.name}: ${root.type}  ${root.text}`.trimEnd()];
  for (const child of root.children) lines.push(formatDescription(child, `${indent}  `));
  return lines.join("\n");
}

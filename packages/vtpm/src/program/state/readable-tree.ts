import { isSecret } from "@vtpm/state";
import type { Description } from "@vtpm/wire";

/** A part of a state as people read it: without what only readers of bytes need. */
export interface ReadablePart {
  readonly name: string;
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly text: string;
  /** Whether what it says, and what its children say, is for nobody's eyes. */
  readonly secret: boolean;
  readonly children: readonly ReadablePart[];
}

const FORMAT_PARTS: ReadonlySet<string> = new Set([
  ...["version", "magic", "minVersion", "count", "size", "present", "later", "epochSize", "end", "entrySize"],
  "PA_COMPILE_CONSTANTS",
]);
/** Structures that only say that something comes now. */
const WRAPPERS = /^(body|block of .*|additions \d+|content)$/;
/** Lists of more plain numbers than this are told by how many they are. */
const MAX_NUMBERS = 8;
/** A size, and nothing behind it. */
const EMPTY_SIZE = 2;

/** What of a description is for people; `all`: the parts of the format, too. */
export function readableTree(part: Description, all: boolean): ReadablePart {
  const { name, type, offset, size, refusal } = part;
  const children = part.children.flatMap((child) => (all ? [readableTree(child, all)] : partsOf(child)));
  const isList = children.length > MAX_NUMBERS && children.every((child) => isNumber(child));
  const shown = isList && !all ? [] : children;
  const plain = shown.length > 0 ? part.text : part.text || (size <= EMPTY_SIZE ? "empty" : `${size} bytes`);
  const text = refusal !== undefined && part.children.length === 0 ? `REFUSED: ${refusal.message}` : plain;
  return { name, type, offset, size, text, secret: isSecret(part), children: shown };
}

function partsOf(part: Description): ReadablePart[] {
  if (part.refusal === undefined && FORMAT_PARTS.has(part.name)) return [];
  const isWrapper = part.children.length > 0 && (WRAPPERS.test(part.name) || WRAPPERS.test(part.type));
  return isWrapper && !isSecret(part) ? part.children.flatMap(partsOf) : [readableTree(part, false)];
}

const isNumber = ({ name, children }: ReadablePart): boolean => /^\[\d+\]$/.test(name) && children.length === 0;

/** The part with nothing secret in it. */
export function masked(part: ReadablePart): ReadablePart {
  if (!part.secret) return { ...part, children: part.children.map(masked) };
  return { ...part, text: part.size <= EMPTY_SIZE ? "empty" : `hidden (${part.size} bytes)`, children: [] };
}

/** One line for each part, perhaps with where it begins. */
export function treeLines(part: ReadablePart, offsets: boolean, indent = ""): string[] {
  const offset = offsets ? `${String(part.offset).padStart(6)}  ` : "";
  const text = part.text === "" ? "" : `: ${part.text}`;
  return [
    `${offset}${indent}${part.name}${text}`,
    ...part.children.flatMap((child) => treeLines(child, offsets, `${indent}  `)),
  ];
}

import { describeImage } from "@vtpm/state";
import type { Bytes } from "@vtpm/wire";
import type { OpenedImage, OpenedState } from "./opened-state.ts";
import { masked, type ReadablePart, readableTree, treeLines } from "./readable-tree.ts";

export interface InspectOptions {
  /** Whether secrets are shown. */
  readonly secrets: boolean;
  /** Whether sizes, versions and constants of the format are shown, and where parts begin. */
  readonly all: boolean;
  readonly json: boolean;
}

/** What is printed of a state: text, or one JSON object. */
export function inspect(state: OpenedState, options: InspectOptions): string {
  const { location, permanent, volatile, nv, image, changes } = state;
  const treeOf = (bytes: Bytes | undefined): ReadablePart | undefined => {
    const whole = bytes && readableTree(describeImage(bytes), options.all);
    return whole === undefined || options.secrets ? whole : masked(whole);
  };
  const [tree, volatileTree] = [treeOf(image), treeOf(volatile?.image)];
  if (options.json) {
    const stored = ({ envelope, storedSize }: OpenedImage): object => ({ storedSize, envelope });
    const told = {
      location,
      profile: nv && { name: nv.profile.name, stateFormatLevel: nv.profile.stateFormatLevel },
      permanent: permanent && stored(permanent),
      changesInJournal: changes,
      tree,
      volatile: volatile && { ...stored(volatile), tree: volatileTree },
    };
    return `${JSON.stringify(told)}\n`;
  }
  const lines = [`state of a TPM 2.0: ${location}`];
  if (nv !== undefined)
    lines.push(`  profile          ${nv.profile.name}, state format level ${nv.profile.stateFormatLevel}`);
  lines.push(`  permanent state  ${wordsFor(permanent)}`);
  if (changes > 0)
    lines.push(`  journal          ${changes} changes since that was written, which are part of what follows`);
  lines.push(`  volatile state   ${wordsFor(volatile)}`);
  for (const part of [tree, volatileTree]) if (part !== undefined) lines.push("", ...treeLines(part, options.all));
  return `${lines.join("\n")}\n`;
}

function wordsFor(opened: OpenedImage | undefined): string {
  if (opened === undefined) return "none";
  const { version, isBlob, keyBits, migrationKeyBits } = opened.envelope;
  const encrypted = keyBits === 0 ? "not encrypted" : `encrypted with a key of ${keyBits} bits`;
  const migration = migrationKeyBits === 0 ? "" : `, on its way with a migration key of ${migrationKeyBits} bits`;
  return `${opened.storedSize} bytes, ${encrypted}${migration}, ${isBlob ? "blob" : "envelope"} version ${version}`;
}

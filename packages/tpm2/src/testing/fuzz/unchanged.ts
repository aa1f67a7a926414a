import { type Codec, encode, equalBytes } from "@vtpm/wire";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMA_NV } from "../../spec/structures/index.ts";
import { ORDERLY_DATA, PERSISTENT_DATA } from "../../state/data.ts";
import { RAM_STATE, type TpmState } from "../../state/tpm-state.ts";

/** What the clock and a failed authorization change although the command fails. */
const PERSISTENT_EXCEPT: readonly string[] = ["failedTries", "lockOutAuthEnabled", "orderlyState"];
const RAM_EXCEPT: readonly string[] = ["timerLast", "time", "orderly", "orderlyIndices", "daUsed", "untested"];
const ORDERLY_EXCEPT: readonly string[] = ["clock", "clockSafe", "selfHealTimer", "lockoutTimer"];

/** The parts of the state that a failed command changed and should not have. */
export function unexpectedChanges(before: TpmState, after: TpmState): string[] {
  const found: string[] = [];
  // A command that comes in the middle of _TPM_Hash_Start and _End ends that sequence, whatever else becomes of it.
  if (before.ram.drtmHandle !== TPM_RH.UNASSIGNED) return found;
  compare("ram.", RAM_STATE.fields, before.ram, after.ram, RAM_EXCEPT, found);
  compare("ram.orderly.", ORDERLY_DATA.fields, before.ram.orderly, after.ram.orderly, ORDERLY_EXCEPT, found);
  compare("nv.", PERSISTENT_DATA.fields, before.nv.persistent, after.nv.persistent, PERSISTENT_EXCEPT, found);
  if (before.nv.orderly !== after.nv.orderly) {
    compare("nv.orderly.", ORDERLY_DATA.fields, before.nv.orderly, after.nv.orderly, ORDERLY_EXCEPT, found);
  }
  if (before.nv.objects !== after.nv.objects) found.push("nv.objects");
  // The PIN Index of a failed authorization counts, whatever the command.
  const isPin = (attributes: number): boolean => [8, 9].includes(TPMA_NV.get(attributes, "TPM_NT"));
  for (const [handle, index] of after.ram.orderlyIndices) {
    const old = before.ram.orderlyIndices.get(handle);
    if (old !== index && !isPin(index.attributes)) found.push(`ram.orderlyIndices ${handle.toString(16)}`);
  }
  if (before.ram.orderlyIndices.size !== after.ram.orderlyIndices.size) found.push("ram.orderlyIndices");
  for (const [handle, index] of after.nv.indices) {
    const old = before.nv.indices.get(handle);
    if (old !== index && !isPin(index.publicArea.attributes)) found.push(`nv.indices ${handle.toString(16)}`);
  }
  if (before.nv.indices.size !== after.nv.indices.size) found.push("nv.indices");
  return found;
}

function compare(
  prefix: string,
  fields: Readonly<Record<string, Codec<unknown>>>,
  before: object,
  after: object,
  except: readonly string[],
  found: string[],
): void {
  if (before === after) return;
  const [old, now] = [before as Record<string, unknown>, after as Record<string, unknown>]; // fields of one schema
  for (const [name, codec] of Object.entries(fields)) {
    if (except.includes(name) || old[name] === now[name]) continue;
    if (!equalBytes(encode(codec, old[name]), encode(codec, now[name]))) found.push(prefix + name);
  }
}

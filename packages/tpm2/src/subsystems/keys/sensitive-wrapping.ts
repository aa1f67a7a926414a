import { type Bytes, encode, UINT16 } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_SENSITIVE, TPMT_SENSITIVE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import type { KEY_SLOT } from "../../state/object.ts";
import { paddedAuth } from "./auth-size.ts";
import { type Protection, unwrapOuter, wrapOuter } from "./outer-wrap.ts";
import { readerOf } from "./unmarshal.ts";

function protectionBy(parent: KEY_SLOT, name: Bytes): Protection {
  if (parent.sensitive === undefined) throw new RangeError("a parent without its sensitive area protects nothing");
  return { protector: parent.publicArea, seed: parent.sensitive.seedValue, name, withIv: true };
}

/** The sensitive area behind its size, the authValue padded: what wraps go around. */
export function marshalSensitive(sensitive: TPMT_SENSITIVE, nameAlg: number): Bytes {
  const authValue = paddedAuth(sensitive.authValue, nameAlg) ?? sensitive.authValue;
  return encode(TPM2B_SENSITIVE, { ...sensitive, authValue });
}

/** A child's TPM2B_PRIVATE: its sensitive area, readable only under its parent. */
export function sensitiveToPrivate(
  tpm: Engine,
  parent: KEY_SLOT,
  child: { readonly sensitive: TPMT_SENSITIVE; readonly name: Bytes; readonly nameAlg: number },
): Bytes {
  return wrapOuter(tpm, protectionBy(parent, child.name), marshalSensitive(child.sensitive, child.nameAlg));
}

/**
 * The sensitive area out of a TPM2B_PRIVATE.
 *
 * @rc INTEGRITY  not made for this parent and this Name
 * @rc SENSITIVE  what was protected is no sensitive area
 */
export function privateToSensitive(tpm: Engine, parent: KEY_SLOT, name: Bytes, blob: Bytes): TPMT_SENSITIVE {
  const plain = unwrapOuter(tpm, protectionBy(parent, name), blob);
  const reader = readerOf(tpm, plain);
  const size = reader.read(UINT16);
  if (size !== reader.remaining) throw new TpmError(TPM_RC.SENSITIVE);
  try {
    const sensitive = reader.read(TPMT_SENSITIVE);
    if (reader.remaining === 0) return sensitive;
  } catch (error) {
    // The blob is genuine, so what exactly is wrong in it does not matter.
    if (!(error instanceof TpmError)) throw error;
  }
  throw new TpmError(TPM_RC.SENSITIVE);
}

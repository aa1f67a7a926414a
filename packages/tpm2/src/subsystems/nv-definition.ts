import type { At } from "../dispatch/command.ts";
import type { Engine } from "../engine.ts";
import { TPMA_NV } from "../spec/attributes.ts";
import { TPM_NT } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import type { TPM2B_AUTH, TPMI_RH_PROVISION } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import type { NV_PUBLIC_AREA } from "../state/nv-index.ts";
import { withoutTrailingZeros } from "./entities.ts";
import { digestSizeOf } from "./hash-algorithms.ts";
import { typeOfIndex } from "./nv.ts";

/** Bytes of counters, bit fields and PINs. */
const WORD_SIZE = 8;

/** What the commands that define an Index are given. */
export interface IndexDefinition {
  readonly authHandle: TPMI_RH_PROVISION;
  readonly auth: TPM2B_AUTH;
  readonly publicInfo: NV_PUBLIC_AREA;
}

/**
 * Checks the definition of an NV Index, and makes it.
 *
 * @rc SIZE (publicInfo)        policy not as long as a digest of the nameAlg, or data not as long as the type demands
 * @rc SIZE (auth)              longer than a digest of the nameAlg
 * @rc HIERARCHY (authHandle)   the platform's Indices are disabled
 * @rc ATTRIBUTES (publicInfo)  no such type, state that only use can lead to, nobody to read or write, or attributes that exclude each other
 * @rc ATTRIBUTES (authHandle)  PLATFORMCREATE says another creator
 * @rc NV_DEFINED               there is such an Index
 * @rc NV_SPACE                 there is no room for it
 */
export function defineIndex(
  tpm: Engine,
  { authHandle, auth, publicInfo }: IndexDefinition,
  at: At<"authHandle" | "auth" | "publicInfo">,
): void {
  const { attributes, authPolicy, dataSize, nameAlg, nvIndex } = publicInfo;
  const has = (name: Parameters<typeof TPMA_NV.has>[1]): boolean => TPMA_NV.has(attributes, name);
  const digestSize = digestSizeOf(nameAlg);
  const authValue = withoutTrailingZeros(auth);
  if (authPolicy.length !== 0 && authPolicy.length !== digestSize) throw at("publicInfo", TPM_RC.SIZE);
  if (authValue.length > digestSize) throw at("auth", TPM_RC.SIZE);
  const byPlatform = authHandle === TPM_RH.PLATFORM;
  if (byPlatform && tpm.stateClear.phEnableNV === 0) throw at("authHandle", TPM_RC.HIERARCHY);
  if (!isKnownType(attributes)) throw at("publicInfo", TPM_RC.ATTRIBUTES);
  if (!isSizeOfType(publicInfo, digestSize)) throw at("publicInfo", TPM_RC.SIZE);
  if (!isAllowedForType(attributes)) throw at("publicInfo", TPM_RC.ATTRIBUTES);
  if (has("WRITTEN") || has("WRITELOCKED") || has("READLOCKED")) throw at("publicInfo", TPM_RC.ATTRIBUTES);
  if (!TPMA_NV.intersects(attributes, READABLE)) throw at("publicInfo", TPM_RC.ATTRIBUTES);
  if (!TPMA_NV.intersects(attributes, WRITABLE)) throw at("publicInfo", TPM_RC.ATTRIBUTES);
  if (has("CLEAR_STCLEAR") && has("WRITEDEFINE")) throw at("publicInfo", TPM_RC.ATTRIBUTES);
  if (has("PLATFORMCREATE") !== byPlatform) throw at("authHandle", TPM_RC.ATTRIBUTES);
  if (has("POLICY_DELETE") && !byPlatform) throw at("publicInfo", TPM_RC.ATTRIBUTES);
  if (has("WRITEALL") && dataSize > tpm.profile.limit("MAX_NV_BUFFER_SIZE")) throw at("publicInfo", TPM_RC.SIZE);
  if (tpm.nv.find(nvIndex) !== undefined) throw new TpmError(TPM_RC.NV_DEFINED);
  tpm.nv.define(publicInfo, authValue);
}

const READABLE = TPMA_NV.of({ OWNERREAD: true, PPREAD: true, AUTHREAD: true, POLICYREAD: true });
const WRITABLE = TPMA_NV.of({ OWNERWRITE: true, PPWRITE: true, AUTHWRITE: true, POLICYWRITE: true });
/** What would let a PIN's user, or anybody at any time, set its limit or keep others from doing so. */
const NOT_FOR_PINS = TPMA_NV.of({ AUTHWRITE: true, GLOBALLOCK: true, WRITEDEFINE: true });

function isKnownType(attributes: number): boolean {
  const types: readonly number[] = Object.values(TPM_NT);
  return types.includes(typeOfIndex(attributes));
}

/** Of ordinary Indices the type of `dataSize` has the limit. */
function isSizeOfType({ attributes, dataSize }: NV_PUBLIC_AREA, digestSize: number): boolean {
  const type = typeOfIndex(attributes);
  if (type === TPM_NT.ORDINARY) return true;
  return dataSize === (type === TPM_NT.EXTEND ? digestSize : WORD_SIZE);
}

function isAllowedForType(attributes: number): boolean {
  switch (typeOfIndex(attributes)) {
    case TPM_NT.COUNTER:
      return !TPMA_NV.has(attributes, "CLEAR_STCLEAR");
    case TPM_NT.PIN_FAIL:
      return TPMA_NV.has(attributes, "NO_DA") && !TPMA_NV.intersects(attributes, NOT_FOR_PINS);
    case TPM_NT.PIN_PASS:
      return !TPMA_NV.intersects(attributes, NOT_FOR_PINS);
    default:
      return true;
  }
}

import { equalBytesConstantTime } from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY, encode, UINT16 } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  type TPMT_PUBLIC_NULLABLE,
  TPMT_SENSITIVE,
  type TPMT_SYM_DEF_OBJECT_NULLABLE,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { cipherOf } from "../ciphers.ts";
import { hashNameOf } from "../hash-algorithms.ts";
import { type Protection, unwrapOuter, wrapOuter } from "./outer-wrap.ts";
import { marshalSensitive } from "./sensitive-wrapping.ts";
import { readerOf } from "./unmarshal.ts";

/** Around the sensitive area of a duplicate there may be an inner wrap, an outer one, both or none. */
export interface DuplicateWraps {
  /** The Name of the object duplicated, and its hash algorithm. */
  readonly name: Bytes;
  readonly nameAlg: number;
  /** The inner wrap; without one the algorithm is TPM_ALG_NULL and the key empty. */
  readonly symmetric: TPMT_SYM_DEF_OBJECT_NULLABLE;
  readonly innerKey: Bytes;
  /** The outer wrap, under a seed that only the new parent can read. */
  readonly outer: OuterWrap | undefined;
}

/** For whom the outer wrap is, and the seed exchanged with it. */
export interface OuterWrap {
  readonly protector: TPMT_PUBLIC_NULLABLE;
  readonly seed: Bytes;
}

/** The outer wrap as such: the seed is used once, so there is no IV. */
export const outerProtection = ({ protector, seed }: OuterWrap, name: Bytes): Protection => ({
  protector,
  seed,
  name,
  withIv: false,
});

/** Wraps a sensitive area for another parent. @spec Part 1, "Duplication" */
export function sensitiveToDuplicate(tpm: Engine, sensitive: TPMT_SENSITIVE, wraps: DuplicateWraps): Bytes {
  const { name, nameAlg, symmetric, outer } = wraps;
  let data = marshalSensitive(sensitive, nameAlg);
  if (symmetric.algorithm !== TPM_ALG.NULL) {
    const integrity = tpm.crypto.hash(hashNameOf(nameAlg), data, name);
    data = applyInner("encrypt", tpm, wraps, concatBytes(encode(TPM2B_DIGEST, integrity), data));
  }
  return outer === undefined ? data : wrapOuter(tpm, outerProtection(outer, name), data);
}

/**
 * The sensitive area out of a duplicate.
 *
 * @rc INTEGRITY     a wrap is broken or for somebody else
 * @rc SIZE          sizes in it contradict each other
 * @rc INSUFFICIENT  it ends too early
 */
export function duplicateToSensitive(tpm: Engine, duplicate: Bytes, wraps: DuplicateWraps): TPMT_SENSITIVE {
  const { name, nameAlg, symmetric, outer } = wraps;
  let data = outer === undefined ? duplicate : unwrapOuter(tpm, outerProtection(outer, name), duplicate);
  if (symmetric.algorithm !== TPM_ALG.NULL) {
    const inner = applyInner("decrypt", tpm, wraps, data);
    const reader = readerOf(tpm, inner);
    const integrity = reader.read(TPM2B_DIGEST);
    data = inner.slice(inner.length - reader.remaining);
    const expected = tpm.crypto.hash(hashNameOf(nameAlg), data, name);
    if (!equalBytesConstantTime(integrity, expected)) throw new TpmError(TPM_RC.INTEGRITY);
  }
  const reader = readerOf(tpm, data);
  const size = reader.read(UINT16);
  if (size !== reader.remaining) throw new TpmError(TPM_RC.SIZE);
  const sensitive = reader.read(TPMT_SENSITIVE);
  if (reader.remaining > 0) throw new TpmError(TPM_RC.SIZE);
  return sensitive;
}

/** The inner key is used once, so there is no IV. */
function applyInner(
  direction: "encrypt" | "decrypt",
  tpm: Engine,
  { symmetric, innerKey }: DuplicateWraps,
  data: Bytes,
): Bytes {
  const { name, blockSize } = cipherOf(symmetric.algorithm);
  return data.length === 0 ? EMPTY : tpm.crypto[direction](name, "CFB", innerKey, new Uint8Array(blockSize), data).data;
}

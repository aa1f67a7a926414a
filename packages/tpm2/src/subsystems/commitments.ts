import { type CurveName, commitScalar } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_ALG } from "../spec/constants.ts";

/** So many commitments can be open: one bit of `commitArray` each. */
const PLACES = 128;
const COUNT_BITS = 16;

// The secret of a commitment is derived from its count whenever it is needed. What is kept is one bit per count: whether
// its commitment may still be used, once.

/** The secret of the next commitment. @spec Part 1, "Commit Random Value" */
export function nextCommitment(tpm: Engine, curve: CurveName, name: Bytes): bigint {
  return secretOf(tpm, curve, name, tpm.stateReset.commitCounter);
}

/** The secret of the commitment that `count` was answered for; `undefined` if it is used up, forgotten or never was. */
export function openCommitment(tpm: Engine, curve: CurveName, name: Bytes, count: number): bigint | undefined {
  const { commitCounter, commitArray } = tpm.stateReset;
  const place = count % PLACES;
  if (!isSet(commitArray, place)) return undefined;
  // The latest commitment with this place: the whole count must lie at most one round back.
  const round = place >= Number(commitCounter % BigInt(PLACES)) ? BigInt(PLACES) : 0n;
  const latest = BigInt.asUintN(64, commitCounter - round);
  const latestCount = Number(BigInt.asUintN(COUNT_BITS, latest));
  if (latestCount - (latestCount % PLACES) !== count - place) return undefined;
  return secretOf(tpm, curve, name, latest - BigInt(latestCount) + BigInt(count));
}

/** Makes the next commitment usable and returns its count. */
export function addCommitment(tpm: Engine): number {
  const { commitCounter, commitArray } = tpm.stateReset;
  const count = Number(BigInt.asUintN(COUNT_BITS, commitCounter));
  tpm.changeStateReset({
    commitCounter: BigInt.asUintN(64, commitCounter + 1n),
    commitArray: withPlace(commitArray, count % PLACES, true),
  });
  return count;
}

/** A commitment serves one signature only: with two, the key could be computed. */
export function closeCommitment(tpm: Engine, count: number): void {
  tpm.changeStateReset({ commitArray: withPlace(tpm.stateReset.commitArray, count % PLACES, false) });
}

function secretOf(tpm: Engine, curve: CurveName, name: Bytes, count: bigint): bigint {
  tpm.countAsTested(TPM_ALG.KDF1_SP800_108);
  return commitScalar(tpm.crypto, curve, tpm.stateReset.commitNonce, name, count);
}

function isSet(array: Bytes, place: number): boolean {
  return Math.floor((array[Math.floor(place / 8)] ?? 0) / 2 ** (place % 8)) % 2 === 1;
}

function withPlace(array: Bytes, place: number, set: boolean): Bytes {
  if (isSet(array, place) === set) return array;
  const bit = 2 ** (place % 8);
  return array.map((byte, i) => (i === Math.floor(place / 8) ? byte + (set ? bit : -bit) : byte));
}

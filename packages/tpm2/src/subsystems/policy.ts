import type { Bytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint32 } from "../integer-bytes.ts";
import { type SESSION, SESSION_ATTRIBUTES } from "../state/session.ts";
import { hashNameOf } from "./hash-algorithms.ts";

/** States of libtpms before this format have no bit that tells a nameHash from the other hashes a policy is tied to. */
const FIRST_FORMAT_WITH_NAME_HASH = 4;

/** A trial session only computes a policyDigest: what it is told need not be true. */
export const isTrial = (session: SESSION): boolean => SESSION_ATTRIBUTES.has(session.attributes, "isTrialPolicy");

/** policyDigest := H(policyDigest ‖ commandCode ‖ parts): how every policy command leaves its mark. */
export function extendPolicy(
  tpm: Engine,
  policySession: number,
  commandCode: number,
  ...parts: readonly Bytes[]
): void {
  hashPolicy(tpm, policySession, uint32(commandCode), ...parts);
}

/** policyDigest := H(policyDigest ‖ parts). */
export function hashPolicy(tpm: Engine, policySession: number, ...parts: readonly Bytes[]): void {
  const { authHashAlg, digest } = tpm.sessions.get(policySession);
  tpm.sessions.change(policySession, { digest: tpm.crypto.hash(hashNameOf(authHashAlg), digest, ...parts) });
}

/** Sets the policyDigest back to zeros; everything else the policy demands stays. */
export function clearPolicyDigest(tpm: Engine, policySession: number): void {
  const { digest } = tpm.sessions.get(policySession);
  tpm.sessions.change(policySession, { digest: new Uint8Array(digest.length) });
}

/** Sets or clears attributes of a policy session. */
export function markPolicy(
  tpm: Engine,
  policySession: number,
  attributes: Parameters<typeof SESSION_ATTRIBUTES.of>[0],
): void {
  const session = tpm.sessions.get(policySession);
  tpm.sessions.change(policySession, { attributes: SESSION_ATTRIBUTES.with(session.attributes, attributes) });
}

/** The kinds of hashes that a policy can be tied to; a session remembers one. */
export type Tie = "isCpHashDefined" | "isNameHashDefined" | "isParametersHashDefined" | "isTemplateHashDefined";

const TIES = SESSION_ATTRIBUTES.of({
  isBound: true,
  isCpHashDefined: true,
  isNameHashDefined: true,
  isParametersHashDefined: true,
  isTemplateHashDefined: true,
});

/** Whether the session is known to be tied to some hash. */
export const isTied = (session: SESSION): boolean => SESSION_ATTRIBUTES.intersects(session.attributes, TIES);

/** Whether the session is known to be tied to a hash of this kind. */
export const isTiedBy = (session: SESSION, kind: Tie): boolean => SESSION_ATTRIBUTES.has(session.attributes, kind);

/** Ties the policy to one hash of the command that it will authorize. */
export function tiePolicy(tpm: Engine, policySession: number, kind: Tie, hash: Bytes): void {
  tpm.sessions.change(policySession, { tiedTo: hash });
  if (kind !== "isNameHashDefined" || tellsNameHashes(tpm)) markPolicy(tpm, policySession, { [kind]: true });
}

/** Whether the state's format has a bit for a nameHash; without it a hash that no bit explains is one. */
export const tellsNameHashes = (tpm: Engine): boolean => tpm.profile.stateFormatLevel >= FIRST_FORMAT_WITH_NAME_HASH;

import { type Bytes, EMPTY, equalBytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import type { SESSION } from "../state/session.ts";
import { extendPolicy, hashPolicy, tiePolicy } from "./policy.ts";

const MS_PER_SECOND = 1000n;
const LARGEST_INT32 = 0x7fff_ffff;

/** An INT32 that was read as a UINT32. */
export const signed32 = (value: number): number => (value > LARGEST_INT32 ? value - 2 ** 32 : value);

/**
 * When an authorization ends, in milliseconds of TPM time; 0: never. With a nonceTPM the seconds count from the start of
 * the policy session, without one they are TPM time itself. Negative seconds ask for a ticket and otherwise count alike.
 *
 * @spec Part 1, "Authorization Timeouts"
 */
export function timeoutOf(tpm: Engine, session: SESSION, expiration: number, nonceTPM: Bytes): bigint {
  if (expiration === 0) return 0n;
  // The one number without an opposite counts as its neighbour.
  const duration = BigInt(Math.min(Math.abs(expiration), LARGEST_INT32)) * MS_PER_SECOND;
  // Time is compared in milliseconds: within the named second it must not be over yet.
  return nonceTPM.length === 0 ? duration + (tpm.ram.time % MS_PER_SECOND) : session.startTime + duration;
}

/** Whether the time has passed, or TPM time has started anew since the session began. */
export function isOver(tpm: Engine, session: SESSION, timeout: bigint): boolean {
  return timeout !== 0n && (timeout < tpm.ram.time || session.epoch !== tpm.persistent.timeEpoch);
}

/** Whether a nonceTPM, where one is given, is the session's. */
export const isOwnNonce = (session: SESSION, nonceTPM: Bytes): boolean =>
  nonceTPM.length === 0 || equalBytes(nonceTPM, session.nonceTPM);

/** Whether a cpHash, where one is given, has the size of the session's hash. */
export const hasFittingSize = (session: SESSION, cpHashA: Bytes): boolean =>
  cpHashA.length === 0 || cpHashA.length === session.digest.length;

/** Whether a cpHash, where one is given, can be the hash that the session is tied to. */
export const isCompatible = (session: SESSION, cpHashA: Bytes): boolean =>
  cpHashA.length === 0 || session.tiedTo.length === 0 || equalBytes(cpHashA, session.tiedTo);

/** What an authorization by a signature, a secret, a ticket or an Index adds to a policy. */
export interface PolicyAuthorization {
  /** The command that the policy is written with; a ticket stands for the one that issued it. */
  readonly commandCode: number;
  /** The Name of who authorizes. */
  readonly name: Bytes;
  /** Absent where the command knows none: then the second hash is left out. */
  readonly policyRef?: Bytes;
  readonly cpHashA?: Bytes;
  readonly timeout?: bigint;
}

/** @spec Part 3, "Policy Digest Update Function (PolicyUpdate())" */
export function updatePolicy(tpm: Engine, policySession: number, authorization: PolicyAuthorization): void {
  const { commandCode, name, policyRef, cpHashA = EMPTY, timeout = 0n } = authorization;
  extendPolicy(tpm, policySession, commandCode, name);
  if (policyRef !== undefined) hashPolicy(tpm, policySession, policyRef);
  if (cpHashA.length > 0) tiePolicy(tpm, policySession, "isCpHashDefined", cpHashA);
  const { timeout: current } = tpm.sessions.get(policySession);
  if (timeout !== 0n && (current === 0n || current > timeout)) tpm.sessions.change(policySession, { timeout });
}

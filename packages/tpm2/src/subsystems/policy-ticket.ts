import { equalBytesConstantTime } from "@vtpm/crypto";
import { type Bytes, decode, EMPTY, UINT64 } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint64 } from "../integer-bytes.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPMT_TK_AUTH } from "../spec/structures/index.ts";
import { authTicket } from "./tickets.ts";

/** What a ticket for a policy stands for. */
export interface Grant {
  readonly tag: TPMT_TK_AUTH["tag"];
  readonly hierarchy: TPMT_TK_AUTH["hierarchy"];
  /** Milliseconds of TPM time. */
  readonly timeout: bigint;
  /** Whether TPM time alone sets the limit: after a Reset that would be another time. */
  readonly expiresOnReset: boolean;
  readonly cpHashA: Bytes;
  readonly policyRef: Bytes;
  /** The Name of who authorized. */
  readonly name: Bytes;
}

/** TPM2_PolicySigned's and PolicySecret's answer: the ticket, and the time that must be given back with it. */
export interface PolicyTicketAnswer {
  readonly timeout: Bytes;
  readonly policyTicket: TPMT_TK_AUTH;
}

const TIMEOUT_SIZE = 8;
/** In the timeout as it is given out, the highest bit says `expiresOnReset`. */
const EXPIRES_ON_RESET = 2n ** 63n;

const digestOf = (tpm: Engine, grant: Grant): TPMT_TK_AUTH =>
  authTicket(
    tpm,
    grant.tag,
    grant.hierarchy,
    grant.timeout,
    grant.expiresOnReset,
    grant.cpHashA,
    grant.policyRef,
    grant.name,
  );

/** The ticket for an authorization that is to be used again. */
export function issueTicket(tpm: Engine, grant: Grant): PolicyTicketAnswer {
  const timeout = uint64(grant.expiresOnReset ? grant.timeout + EXPIRES_ON_RESET : grant.timeout);
  return { timeout, policyTicket: digestOf(tpm, grant) };
}

/** What is answered where no ticket is wanted. */
export const noTicket = (tag: TPMT_TK_AUTH["tag"]): PolicyTicketAnswer => ({
  timeout: EMPTY,
  policyTicket: { tag, hierarchy: TPM_RH.NULL, digest: EMPTY },
});

/** Takes a timeout apart as it was given out; `undefined` for one that was not. */
export function readTimeout(bytes: Bytes): Pick<Grant, "timeout" | "expiresOnReset"> | undefined {
  if (bytes.length !== TIMEOUT_SIZE) return undefined;
  const value = decode(UINT64, bytes);
  return { timeout: value % EXPIRES_ON_RESET, expiresOnReset: value >= EXPIRES_ON_RESET };
}

/** Whether this TPM has issued the ticket, for exactly this. */
export const isGenuine = (tpm: Engine, ticket: TPMT_TK_AUTH, grant: Grant): boolean =>
  equalBytesConstantTime(ticket.digest, digestOf(tpm, grant).digest);

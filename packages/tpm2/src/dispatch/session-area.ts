import { type Bytes, type Codec, Reader, Refusal } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPMA_SESSION } from "../spec/attributes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { handleTypeOf, TPM_HT, TPM_RH } from "../spec/handles.ts";
import { rcOfReason, TPM_RC } from "../spec/response-codes.ts";
import { TPM2B_AUTH, TPM2B_NONCE, TPMI_SH_AUTH_SESSION_PW } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { SESSION_ATTRIBUTES } from "../state/session.ts";
import type { Invocation, SessionUse } from "./invocation.ts";

/** At most so many sessions may accompany a command. */
const MAX_SESSION_NUM = 3;
/** Handle, two empty sized buffers and the attributes. */
const SMALLEST_SESSION = 9;
const PASSWORD_ATTRIBUTES = TPMA_SESSION.of({
  encrypt: true,
  decrypt: true,
  audit: true,
  auditExclusive: true,
  auditReset: true,
});

/** Takes the authorization area's bytes from the reader. */
export function takeSessionArea(reader: Reader): Bytes {
  if (reader.remaining < 4) throw new TpmError(TPM_RC.INSUFFICIENT);
  const size = reader.uint32();
  if (size < SMALLEST_SESSION || size > reader.remaining) throw new TpmError(TPM_RC.SIZE);
  return reader.bytes(size);
}

/**
 * Reads the sessions and checks what can be checked of each without looking at authorizations.
 *
 * @spec Part 3, "Session Area Validation"
 */
export function readSessions(tpm: Engine, invocation: Invocation, area: Bytes): void {
  if (invocation.command.noSessions) throw new TpmError(TPM_RC.AUTH_CONTEXT);
  const reader = new Reader(area, tpm.profile);
  const sessions: SessionUse[] = [];
  while (reader.remaining > 0) {
    const position = sessions.length + 1;
    if (position > MAX_SESSION_NUM) throw TpmError.at("session", position, TPM_RC.SIZE);
    const session = readSession(reader, position);
    if (session.handle === TPM_RH.PW) checkPasswordSession(session);
    else checkSession(tpm, invocation, session, sessions);
    sessions.push(session);
  }
  invocation.sessions = sessions;
}

function readSession(reader: Reader, position: number): SessionUse {
  const read = <T>(name: string, codec: Codec<T>): T => {
    try {
      return reader.part(name, codec);
    } catch (error) {
      if (error instanceof Refusal) throw TpmError.at("session", position, rcOfReason(error.reason));
      throw error;
    }
  };
  return {
    position,
    handle: read("sessionHandle", TPMI_SH_AUTH_SESSION_PW),
    nonceCaller: read("nonceCaller", TPM2B_NONCE),
    attributes: read("sessionAttributes", TPMA_SESSION),
    hmac: read("hmac", TPM2B_AUTH),
    associated: undefined,
    includeAuth: false,
  };
}

function checkPasswordSession({ attributes, nonceCaller, position }: SessionUse): void {
  if (TPMA_SESSION.intersects(attributes, PASSWORD_ATTRIBUTES)) {
    throw TpmError.at("session", position, TPM_RC.ATTRIBUTES);
  }
  if (nonceCaller.length !== 0) throw TpmError.at("session", position, TPM_RC.NONCE);
}

function checkSession(tpm: Engine, invocation: Invocation, use: SessionUse, earlier: readonly SessionUse[]): void {
  const { command } = invocation;
  const refuse = (rc: Parameters<typeof TpmError.at>[2]): TpmError => TpmError.at("session", use.position, rc);
  const session = tpm.sessions.find(use.handle);
  if (session === undefined) throw new TpmError(TPM_RC.REFERENCE_S0 + earlier.length);
  const isPolicyHandle = handleTypeOf(use.handle) === TPM_HT.POLICY_SESSION;
  if (SESSION_ATTRIBUTES.has(session.attributes, "isPolicy") !== isPolicyHandle) throw refuse(TPM_RC.HANDLE);
  if (earlier.some(({ handle }) => handle === use.handle)) throw refuse(TPM_RC.HANDLE);
  if (TPMA_SESSION.has(use.attributes, "decrypt")) {
    if (!command.canDecrypt || invocation.decryptSession !== undefined) throw refuse(TPM_RC.ATTRIBUTES);
    if (session.symmetric.algorithm === TPM_ALG.NULL) throw refuse(TPM_RC.SYMMETRIC);
    invocation.decryptSession = use;
  }
  if (TPMA_SESSION.has(use.attributes, "encrypt")) {
    if (!command.canEncrypt || invocation.encryptSession !== undefined) throw refuse(TPM_RC.ATTRIBUTES);
    if (session.symmetric.algorithm === TPM_ALG.NULL) throw refuse(TPM_RC.SYMMETRIC);
    invocation.encryptSession = use;
  }
  if (TPMA_SESSION.has(use.attributes, "audit")) {
    if (invocation.auditSession !== undefined || isPolicyHandle) throw refuse(TPM_RC.ATTRIBUTES);
    const continues =
      !TPMA_SESSION.has(use.attributes, "auditReset") && SESSION_ATTRIBUTES.has(session.attributes, "isAudit");
    if (
      continues &&
      TPMA_SESSION.has(use.attributes, "auditExclusive") &&
      tpm.ram.exclusiveAuditSession !== use.handle
    ) {
      throw new TpmError(TPM_RC.EXCLUSIVE);
    }
    invocation.auditSession = use;
  }
}

import { equalBytesConstantTime } from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPMA_NV, TPMA_OBJECT, TPMA_SESSION } from "../spec/attributes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { handleTypeOf, TPM_HT, TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { OBJECT_ATTRIBUTES, SLOT } from "../state/object.ts";
import { type SESSION, SESSION_ATTRIBUTES } from "../state/session.ts";
import { withoutTrailingZeros } from "../subsystems/entities.ts";
import { hashNameOf } from "../subsystems/hash-algorithms.ts";
import { baseHierarchy } from "../subsystems/limited-hierarchies.ts";
import { blaming } from "./blame.ts";
import type { AuthRole, Command } from "./command.ts";
import type { Invocation, SessionUse } from "./invocation.ts";
import { checkPolicy } from "./policy-check.ts";

/**
 * Checks every authorization of a command. A wrong authValue counts against dictionary attack; that change stays although
 * the command fails.
 *
 * @spec Part 3, "Authorization Checks"
 */
export function authorize(tpm: Engine, invocation: Invocation): void {
  const { command, handles, sessions } = invocation;
  if (!invocation.withSessions) {
    if (command.roles.some((role) => role !== undefined)) throw new TpmError(TPM_RC.AUTH_MISSING);
    return;
  }
  command.roles.forEach((role, i) => {
    if (role === undefined) return;
    const session = sessions[i];
    const handle = handles[i];
    if (session === undefined || handle === undefined) throw new TpmError(TPM_RC.AUTH_MISSING);
    // A limited hierarchy has the authorizations of the one it limits.
    session.associated = baseHierarchy(handle);
  });
  for (const use of sessions) authorizeSession(tpm, invocation, use);
}

function authorizeSession(tpm: Engine, invocation: Invocation, use: SessionUse): void {
  const { position, associated } = use;
  if (use.handle === TPM_RH.PW) {
    if (associated === undefined) throw TpmError.at("session", position, TPM_RC.HANDLE);
    blaming("session", position, () => checkEntity(tpm, invocation, use, associated, undefined));
    return;
  }
  const session = tpm.sessions.get(use.handle);
  if (SESSION_ATTRIBUTES.has(session.attributes, "isTrialPolicy")) {
    throw TpmError.at("session", position, TPM_RC.ATTRIBUTES);
  }
  if (SESSION_ATTRIBUTES.has(session.attributes, "isDaBound")) {
    tpm.lockout.check(SESSION_ATTRIBUTES.has(session.attributes, "isLockoutBound"));
  }
  if (TPMA_SESSION.has(use.attributes, "audit")) invocation.cpHash(tpm, session.authHashAlg);
  if (associated !== undefined) {
    blaming("session", position, () => checkEntity(tpm, invocation, use, associated, session));
    return;
  }
  const { audit, encrypt, decrypt } = { audit: true, encrypt: true, decrypt: true };
  if (!TPMA_SESSION.intersects(use.attributes, TPMA_SESSION.of({ audit, encrypt, decrypt }))) {
    throw TpmError.at("session", position, TPM_RC.ATTRIBUTES);
  }
  blaming("session", position, () => checkHmac(tpm, invocation, use, session));
}

/** One entity's authorization by one session; `session` is absent for a password. */
function checkEntity(
  tpm: Engine,
  invocation: Invocation,
  use: SessionUse,
  handle: number,
  session: SESSION | undefined,
): void {
  const { command } = invocation;
  if (handle === TPM_RH.PLATFORM && tpm.hierarchies.needsPhysicalPresence(command)) {
    if (!tpm.platform.physicalPresence()) throw new TpmError(TPM_RC.PP);
  }
  const isPolicy = session !== undefined && handleTypeOf(use.handle) === TPM_HT.POLICY_SESSION;
  use.includeAuth = session === undefined || needsAuthValue(tpm, handle, session, isPolicy);
  if (use.includeAuth && !tpm.entities.isDaExempt(handle)) tpm.lockout.check(handle === TPM_RH.LOCKOUT);
  const role = command.roles[use.position - 1] ?? "USER";
  if (isPolicy) {
    if (!isPolicyAvailable(tpm, handle, command, role)) throw new TpmError(TPM_RC.AUTH_UNAVAILABLE);
    checkPolicy(tpm, invocation, handle, session, role);
  } else {
    if (isPolicyRequired(tpm, handle, role)) throw new TpmError(TPM_RC.AUTH_TYPE);
    if (!isAuthValueAvailable(tpm, handle, command, role)) throw new TpmError(TPM_RC.AUTH_UNAVAILABLE);
  }
  const failure = tryAuthValue(() => {
    if (session === undefined || SESSION_ATTRIBUTES.has(session.attributes, "isPasswordNeeded")) {
      checkPassword(tpm, use, handle, session);
    } else {
      checkHmac(tpm, invocation, use, session);
    }
  });
  if (use.includeAuth && tpm.nv.isPin(handle)) tpm.nv.countPin(handle, failure === undefined);
  if (failure !== undefined) throw failure;
}

/** PIN Indices count both outcomes, so a failure must not leave at once. */
function tryAuthValue(check: () => void): TpmError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof TpmError) return error;
    throw error;
  }
}

function needsAuthValue(tpm: Engine, handle: number, session: SESSION, isPolicy: boolean): boolean {
  if (!isPolicy) return !tpm.sessions.isBoundTo(session, handle);
  return (
    SESSION_ATTRIBUTES.has(session.attributes, "isAuthValueNeeded") ||
    SESSION_ATTRIBUTES.has(session.attributes, "isPasswordNeeded")
  );
}

/** @spec Part 1, "Authorization Roles": DUP always needs a policy, ADMIN does unless the object says otherwise. */
function isPolicyRequired(tpm: Engine, handle: number, role: AuthRole): boolean {
  if (role === "DUP") return true;
  const type = handleTypeOf(handle);
  if (role === "ADMIN") {
    if (type !== TPM_HT.TRANSIENT && type !== TPM_HT.PERSISTENT) return true;
    const object = tpm.objects.get(handle);
    return object.kind === SLOT.KEY && TPMA_OBJECT.has(object.publicArea.objectAttributes, "adminWithPolicy");
  }
  return type === TPM_HT.PCR && tpm.pcr.policyOf(handle).hashAlg !== TPM_ALG.NULL;
}

function isAuthValueAvailable(tpm: Engine, handle: number, command: Command, role: AuthRole): boolean {
  switch (handleTypeOf(handle)) {
    case TPM_HT.PERMANENT:
      return tpm.hierarchies.hasAuthValue(handle);
    case TPM_HT.TRANSIENT:
    case TPM_HT.PERSISTENT: {
      const object = tpm.objects.get(handle);
      if (object.kind === SLOT.SEQUENCE) return true;
      const { objectAttributes } = object.publicArea;
      if (OBJECT_ATTRIBUTES.has(object.attributes, "publicOnly")) return false;
      return (
        TPMA_OBJECT.has(objectAttributes, "userWithAuth") ||
        (role === "ADMIN" && !TPMA_OBJECT.has(objectAttributes, "adminWithPolicy"))
      );
    }
    case TPM_HT.NV_INDEX:
    case TPM_HT.EXTERNAL_NV:
      return tpm.nv.isAuthValueAvailable(handle, command.code);
    case TPM_HT.PCR:
      return true;
    default:
      return false;
  }
}

function isPolicyAvailable(tpm: Engine, handle: number, command: Command, role: AuthRole): boolean {
  switch (handleTypeOf(handle)) {
    case TPM_HT.PERMANENT:
      return (tpm.hierarchies.policyOf(handle)?.policy.length ?? 0) > 0;
    case TPM_HT.TRANSIENT:
    case TPM_HT.PERSISTENT: {
      const object = tpm.objects.get(handle);
      return object.kind === SLOT.KEY && !OBJECT_ATTRIBUTES.has(object.attributes, "publicOnly");
    }
    case TPM_HT.NV_INDEX:
    case TPM_HT.EXTERNAL_NV: {
      const { attributes, authPolicy } = tpm.nv.get(handle).publicArea;
      if (authPolicy.length === 0) return false;
      if (isPolicyRequired(tpm, handle, role)) return true;
      return TPMA_NV.has(attributes, tpm.nv.isWriteCommand(command.code) ? "POLICYWRITE" : "POLICYREAD");
    }
    case TPM_HT.PCR:
      return tpm.pcr.hasPolicy(handle);
    default:
      return false;
  }
}

function checkPassword(tpm: Engine, use: SessionUse, handle: number, session: SESSION | undefined): void {
  const given = withoutTrailingZeros(use.hmac);
  if (!equalBytesConstantTime(given, tpm.entities.authValueOf(handle))) throw tpm.lockout.fail(handle, session, use);
}

function checkHmac(tpm: Engine, invocation: Invocation, use: SessionUse, session: SESSION): void {
  if (!equalBytesConstantTime(use.hmac, commandHmac(tpm, invocation, use, session))) {
    throw tpm.lockout.fail(use.associated, session, use);
  }
}

/** @spec Part 1, "HMAC Computation": the key; empty where neither session nor entity has a secret. */
export function hmacKey(tpm: Engine, use: SessionUse, session: SESSION): Bytes {
  const { associated, includeAuth } = use;
  if (!includeAuth || associated === undefined) return session.sessionKey;
  return concatBytes(session.sessionKey, tpm.entities.authValueOf(associated));
}

function commandHmac(tpm: Engine, invocation: Invocation, use: SessionUse, session: SESSION): Bytes {
  const key = hmacKey(tpm, use, session);
  if (key.length === 0 && use.hmac.length === 0) return EMPTY;
  const { decryptSession, encryptSession } = invocation;
  // The first authorization session also vouches for the nonces of the sessions that encrypt: nobody can exchange them.
  const guards = use.position === 1 && use.associated !== undefined;
  const nonceOf = (other: SessionUse | undefined): Bytes =>
    other === undefined || other === use ? EMPTY : tpm.sessions.get(other.handle).nonceTPM;
  return tpm.crypto.hmac(
    hashNameOf(session.authHashAlg),
    key,
    invocation.cpHash(tpm, session.authHashAlg),
    use.nonceCaller,
    session.nonceTPM,
    guards ? nonceOf(decryptSession) : EMPTY,
    guards && encryptSession !== decryptSession ? nonceOf(encryptSession) : EMPTY,
    Uint8Array.of(use.attributes),
  );
}

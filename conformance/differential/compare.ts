import { type CommandStep, type Exchange, TPM_RH, TPMS_ATTEST } from "@vtpm/tpm2/testing/fuzz";
import { type Bytes, decode, encode, equalBytes, toHex } from "@vtpm/wire";

/** What no two TPMs answer equally: fresh random bytes, and what is made of them. */
const RANDOM = new Set([
  "ContextSave.context",
  "Commit.E",
  "Commit.K",
  "Commit.L",
  "CertifyX509.addedToCertificate",
  "CertifyX509.tbsDigest",
  "Create.creationTicket",
  "Create.outPrivate",
  "Create.outPublic",
  "CreateLoaded.outPrivate",
  "Duplicate.duplicate",
  "Duplicate.encryptionKeyOut",
  "Duplicate.outSymSeed",
  "EC_Ephemeral.Q",
  "ECDH_KeyGen.pubPoint",
  "ECDH_KeyGen.zPoint",
  "GetRandom.randomBytes",
  "Import.outPrivate",
  "MakeCredential.credentialBlob",
  "MakeCredential.secret",
  "ObjectChangeAuth.outPrivate",
  "Rewrap.outDuplicate",
  "Rewrap.outSymSeed",
  "StartAuthSession.nonceTPM",
]);
/** Those whose size is not the same either. */
const OF_ANY_SIZE = new Set(["ContextSave.context", "CertifyX509.addedToCertificate"]);
/** What depends on the time. */
const TIMED = new Set(["PolicySecret.policyTicket", "PolicySecret.timeout", "PolicySigned.policyTicket"]);
const NEVER = new Set([...TIMED, "PolicySigned.timeout", "ReadClock.currentTime", "GetTestResult.outData"]);
const ATTESTATIONS = new Set(["certifyInfo", "quoted", "timeInfo", "auditInfo"]);

/**
 * What is known to be different in two TPMs: handles of entities, and hierarchies, that were made of random bytes or have
 * taken in something that was.
 */
export class Taints {
  readonly #handles = new Set<number>([TPM_RH.NULL]);

  has(handle: number): boolean {
    return this.#handles.has(handle);
  }

  mark(handle: number, isTainted: boolean): void {
    if (isTainted) this.#handles.add(handle);
    else this.#handles.delete(handle);
  }
}

/** The first difference between the answers of two TPMs to one step; `undefined` if there is none that matters. */
export function difference(step: CommandStep, ours: Exchange, theirs: Exchange, taints: Taints): string | undefined {
  if (ours.rc !== theirs.rc) return "response code";
  if (ours.rc !== 0 || ours.output === undefined || theirs.output === undefined) return undefined;
  for (const [name] of step.command.responseHandles) {
    if (ours.output[name] !== theirs.output[name]) return `${step.name}.${name}`;
  }
  const isTainted = isTaintedStep(step, ours, theirs, taints);
  for (const [name, codec] of step.command.response) {
    const [a, b] = [ours.output[name], theirs.output[name]];
    const field = `${step.name}.${name}`;
    if (NEVER.has(field)) continue;
    const [ourBytes, theirBytes] = [encode(codec, a), encode(codec, b)];
    if (isTainted || RANDOM.has(field) || isRandom(step, name, ours)) {
      if (!OF_ANY_SIZE.has(field) && !isTainted && ourBytes.length !== theirBytes.length) return `${field} (size)`;
      continue;
    }
    if (ATTESTATIONS.has(name) && a instanceof Uint8Array && b instanceof Uint8Array) {
      if (attested(a) !== attested(b)) return `${field}: ours ${attested(a)}, theirs ${attested(b)}`;
      continue;
    }
    if (isTicketOf(a, taints)) continue;
    if (!equalBytes(ourBytes, theirBytes)) return `${field}: ours ${toHex(ourBytes)}, theirs ${toHex(theirBytes)}`;
  }
  return undefined;
}

/** Whether a step was not the same for both, or used what is not. */
export function isTaintedStep(step: CommandStep, ours: Exchange, theirs: Exchange, taints: Taints): boolean {
  return (
    !equalBytes(ours.asked, theirs.asked) ||
    ours.handles.some((handle) => taints.has(handle)) ||
    (typeof step.input["hierarchy"] === "number" && taints.has(step.input["hierarchy"]))
  );
}

/** Signatures with a random number in them, and encryption with random padding. */
function isRandom(step: CommandStep, field: string, { output, asked }: Exchange): boolean {
  const value = output?.[field];
  if (typeof value === "object" && value !== null && "sigAlg" in value) {
    // RSASSA and HMAC have none; where the clock is signed every signature differs.
    const isFixed = value.sigAlg === 0x0014 || value.sigAlg === 0x0005 || value.sigAlg === 0x0010;
    return !isFixed || step.name !== "Sign";
  }
  if (step.name === "RSA_Encrypt") return true;
  if (step.name.startsWith("ECC_Encrypt")) return true;
  // Under a storage key it is a new key; in a hierarchy, or derived, the same for both.
  return (
    step.name === "CreateLoaded" && (field === "outPublic" || field === "name") && asked.length > 0 && isFresh(output)
  );
}

function isFresh(output: Exchange["output"]): boolean {
  const outPrivate = output?.["outPrivate"];
  return outPrivate instanceof Uint8Array && outPrivate.length > 0;
}

/** A ticket of a hierarchy whose proof differs. */
function isTicketOf(value: unknown, taints: Taints): boolean {
  if (typeof value !== "object" || value === null || !("hierarchy" in value)) return false;
  return typeof value.hierarchy === "number" && taints.has(value.hierarchy);
}

/** Of an attestation, what depends on time, version and the nonces of sessions. */
const UNATTESTED = new Set(["clock", "time", "firmwareVersion", "auditDigest", "sessionDigest"]);

/** What is attested, without clock and firmware. */
function attested(bytes: Bytes): string {
  return JSON.stringify(decode(TPMS_ATTEST, bytes), (key, value: unknown) => {
    if (UNATTESTED.has(key)) return "…";
    return value instanceof Uint8Array ? toHex(value) : typeof value === "bigint" ? `${value}n` : value;
  });
}

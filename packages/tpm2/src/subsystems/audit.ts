import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Command } from "../dispatch/command.ts";
import { type Invocation, rpHash, type SessionUse } from "../dispatch/invocation.ts";
import type { Engine } from "../engine.ts";
import { TPMA_SESSION } from "../spec/attributes.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_RH } from "../spec/handles.ts";
import { SESSION_ATTRIBUTES } from "../state/session.ts";
import type { StartupKind } from "../state/startup-kind.ts";
import { digestSizeOf, hashNameOf } from "./hash-algorithms.ts";

/** Stands in the place of the digest from the change of its algorithm to the end of the command that made it. */
const ALGORITHM_CHANGED = new Uint8Array(1);

/** Command audit and session audit. @spec Part 1, "Audit" */
export class Audit {
  readonly #tpm: Engine;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /** After a Reset nothing has been audited. */
  startup(kind: StartupKind): void {
    if (kind === "reset") this.#tpm.changeStateReset({ commandAuditDigest: EMPTY });
  }

  /** Whether a successful run of the command goes into the command audit digest. */
  isAudited(command: Command): boolean {
    return this.#tpm.persistent.auditCommands.includes(command.code);
  }

  /** Changes which commands are audited. Those that the profile lacks, and the two that are settled, are passed over. */
  select(setList: readonly number[], clearList: readonly number[]): void {
    const { persistent, profile } = this.#tpm;
    const audited = new Set(persistent.auditCommands);
    const has = (code: number): boolean => profile.allows("CC", code);
    for (const code of setList) if (has(code) && code !== TPM_CC.Shutdown) audited.add(code);
    for (const code of clearList) if (code !== TPM_CC.SetCommandCodeAuditStatus) audited.delete(code);
    const auditCommands = [...audited].sort((a, b) => a - b);
    if (!sameCodes(auditCommands, persistent.auditCommands)) this.#tpm.changePersistent({ auditCommands });
  }

  /** Goes on with another hash algorithm; what has been audited is given up. */
  changeAlgorithm(auditHashAlg: number): void {
    this.#tpm.changePersistent({ auditHashAlg });
    this.#tpm.changeStateReset({ commandAuditDigest: ALGORITHM_CHANGED });
  }

  /** Works out the hash of a command to be audited while its handles still have the Names it was sent with. */
  prepare(invocation: Invocation): void {
    if (this.isAudited(invocation.command)) invocation.cpHash(this.#tpm, this.#tpm.persistent.auditHashAlg);
  }

  /** Extends the audit digests with a command that succeeded. */
  record(invocation: Invocation, responseParameters: Bytes): void {
    this.#recordInSession(invocation, responseParameters);
    if (this.isAudited(invocation.command)) this.#recordCommand(invocation, responseParameters);
  }

  #recordInSession(invocation: Invocation, responseParameters: Bytes): void {
    const tpm = this.#tpm;
    const use = invocation.auditSession;
    if (use === undefined) {
      // A command that could have been audited and was not ends every session's exclusive status.
      if (!invocation.command.noSessions && tpm.ram.exclusiveAuditSession !== TPM_RH.UNASSIGNED) {
        tpm.changeRam({ exclusiveAuditSession: TPM_RH.UNASSIGNED });
      }
      return;
    }
    const digest = this.#sessionDigest(use);
    const exclusive = tpm.ram.exclusiveAuditSession === use.handle;
    use.attributes = TPMA_SESSION.with(use.attributes, { auditExclusive: exclusive });
    const { authHashAlg } = tpm.sessions.get(use.handle);
    tpm.sessions.change(use.handle, { digest: this.#extend(authHashAlg, digest, invocation, responseParameters) });
  }

  /** The digest so far; a session that becomes an audit session, or starts over, begins with zeros. */
  #sessionDigest(use: SessionUse): Bytes {
    const tpm = this.#tpm;
    const session = tpm.sessions.get(use.handle);
    const continues =
      SESSION_ATTRIBUTES.has(session.attributes, "isAudit") && !TPMA_SESSION.has(use.attributes, "auditReset");
    if (continues) {
      if (tpm.ram.exclusiveAuditSession !== use.handle) {
        tpm.changeRam({ exclusiveAuditSession: TPM_RH.UNASSIGNED });
      }
      return session.digest;
    }
    tpm.changeRam({ exclusiveAuditSession: use.handle });
    tpm.sessions.change(use.handle, {
      attributes: SESSION_ATTRIBUTES.with(session.attributes, { isAudit: true, isBound: false }),
    });
    return new Uint8Array(digestSizeOf(session.authHashAlg));
  }

  #recordCommand(invocation: Invocation, responseParameters: Bytes): void {
    const tpm = this.#tpm;
    const { commandAuditDigest } = tpm.stateReset;
    const { auditHashAlg, auditCounter } = tpm.persistent;
    // The command that has exchanged the algorithm is in no digest.
    if (commandAuditDigest.length === ALGORITHM_CHANGED.length) {
      tpm.changeStateReset({ commandAuditDigest: EMPTY });
      return;
    }
    let digest = commandAuditDigest;
    if (digest.length === 0) {
      digest = new Uint8Array(digestSizeOf(auditHashAlg));
      tpm.changePersistent({ auditCounter: BigInt.asUintN(64, auditCounter + 1n) });
    }
    const extended = this.#extend(auditHashAlg, digest, invocation, responseParameters);
    tpm.changeStateReset({ commandAuditDigest: extended });
  }

  #extend(hashAlg: number, digest: Bytes, invocation: Invocation, responseParameters: Bytes): Bytes {
    const tpm = this.#tpm;
    return tpm.crypto.hash(
      hashNameOf(hashAlg),
      digest,
      invocation.cpHash(tpm, hashAlg),
      rpHash(tpm, hashAlg, invocation.command.code, responseParameters),
    );
  }
}

function sameCodes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((code, i) => code === b[i]);
}

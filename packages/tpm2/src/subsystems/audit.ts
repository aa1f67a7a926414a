import type { Bytes } from "@vtpm/wire";
import type { Command } from "../dispatch/command.ts";
import { type Invocation, rpHash, type SessionUse } from "../dispatch/invocation.ts";
import type { Engine } from "../engine.ts";
import { TPMA_SESSION } from "../spec/attributes.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_RH } from "../spec/handles.ts";
import { SESSION_ATTRIBUTES } from "../state/session.ts";
import { digestSizeOf, hashNameOf } from "./hash-algorithms.ts";

/** Command audit and session audit. @spec Part 1, "Audit" */
export class Audit {
  readonly #tpm: Engine;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /** Whether a successful run of the command goes into the command audit digest. */
  isAudited(command: Command): boolean {
    return this.#tpm.persistent.auditCommands.includes(command.code);
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
    // TPM2_SetCommandCodeAuditStatus and GetCommandAuditDigest have just closed the digest; they are not in the next one.
    if (CLOSING.includes(invocation.command.code) && commandAuditDigest.length === 0) return;
    let digest = commandAuditDigest;
    if (digest.length === 0) {
      digest = new Uint8Array(digestSizeOf(auditHashAlg));
      tpm.changePersistent({ auditCounter: auditCounter + 1n });
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

const CLOSING: readonly number[] = [TPM_CC.GetCommandAuditDigest, TPM_CC.SetCommandCodeAuditStatus];

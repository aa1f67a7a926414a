import { type Bytes, concatBytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint32 } from "../integer-bytes.ts";
import { hashNameOf } from "../subsystems/hash-algorithms.ts";
import type { Command } from "./command.ts";

/** One session of a command's authorization area, and what the dispatcher found out about it. */
export interface SessionUse {
  /** 1 for the first session: its position in response codes. */
  readonly position: number;
  readonly handle: number;
  readonly nonceCaller: Bytes;
  /** TPMA_SESSION as received; for the response changed where the specification says so. */
  attributes: number;
  readonly hmac: Bytes;
  /** The handle this session authorizes; `undefined` for a session that only encrypts or audits. */
  associated: number | undefined;
  /** Whether the entity's authValue is part of the HMAC key. */
  includeAuth: boolean;
}

/** A command on its way through the dispatcher. */
export class Invocation {
  readonly command: Command;
  readonly handles: readonly number[];
  readonly withSessions: boolean;
  /** The parameter area as received: what is hashed and authorized. */
  readonly received: Bytes;
  /** The parameter area after decryption. */
  parameters: Bytes;
  sessions: readonly SessionUse[] = [];
  decryptSession: SessionUse | undefined;
  encryptSession: SessionUse | undefined;
  auditSession: SessionUse | undefined;
  readonly #cpHashes = new Map<number, Bytes>();

  constructor(command: Command, handles: readonly number[], withSessions: boolean, received: Bytes) {
    this.command = command;
    this.handles = handles;
    this.withSessions = withSessions;
    this.received = received;
    this.parameters = received;
  }

  /** The cpHash. Names change when a command runs, so whoever needs it afterwards asks for it before. */
  cpHash(tpm: Engine, hashAlg: number): Bytes {
    const known = this.#cpHashes.get(hashAlg);
    if (known !== undefined) return known;
    const hash = tpm.crypto.hash(
      hashNameOf(hashAlg),
      uint32(this.command.code),
      ...this.handles.map((handle) => tpm.entities.nameOf(handle)),
      this.received,
    );
    this.#cpHashes.set(hashAlg, hash);
    return hash;
  }

  /** The hash of the handles' Names alone. */
  nameHash(tpm: Engine, hashAlg: number): Bytes {
    return tpm.crypto.hash(hashNameOf(hashAlg), ...this.handles.map((handle) => tpm.entities.nameOf(handle)));
  }

  /** The hash of command code and parameters, without the handles. */
  parametersHash(tpm: Engine, hashAlg: number): Bytes {
    return tpm.crypto.hash(hashNameOf(hashAlg), uint32(this.command.code), this.received);
  }
}

/** The rpHash of a successful command. */
export function rpHash(tpm: Engine, hashAlg: number, commandCode: number, responseParameters: Bytes): Bytes {
  return tpm.crypto.hash(hashNameOf(hashAlg), concatBytes(uint32(0), uint32(commandCode)), responseParameters);
}

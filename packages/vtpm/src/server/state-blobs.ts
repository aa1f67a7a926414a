import { EnvelopeError, openBlob, sealBlob } from "@vtpm/state";
import type { Platform } from "@vtpm/tpm2";
import { type Bytes, EMPTY } from "@vtpm/wire";
import type { TpmHost } from "../host/tpm-host.ts";
import { StoreError } from "../store/store-error.ts";
import { RESULT, type Result } from "./result.ts";

/** What a blob is of. The third kind is a TPM 1.2's; asking for it is how a TPM 2.0's last blob is fetched, too. */
export const BLOB = { PERMANENT: 1, VOLATILE: 2, SAVESTATE: 3 } as const;

/** Bytes of the largest blob that is taken. */
export const MAX_BLOB_SIZE = 0x80000;

/** Flags beside a blob: of a request that it shall be decrypted, of a blob that it is encrypted. */
const WANT_DECRYPTED = 1;
const IS_ENCRYPTED = 2;

export interface StateBlobsOptions {
  readonly host: TpmHost;
  readonly platform: Platform;
  /** Encrypts the state where it is stored. */
  readonly key?: Bytes | undefined;
  /** Encrypts blobs on their way. */
  readonly migrationKey?: Bytes | undefined;
  /** Told why a blob was refused. */
  readonly onFault: (error: unknown) => void;
  /** Told that the store belongs to somebody else, where it would be needed. */
  readonly onStoreLost: (error: unknown) => void;
}

/** A part of a blob. */
export interface BlobPart {
  readonly result: Result;
  readonly flags: number;
  /** Bytes of the whole blob. */
  readonly total: number;
  readonly data: Bytes;
}

/** The state of a TPM as blobs that another process goes on from. */
export class StateBlobs {
  readonly #options: StateBlobsOptions;
  /** The one of which parts are being fetched: sealing it again would give other bytes. */
  #fetched: { readonly type: number; readonly flags: number; readonly blob: Bytes } | undefined;

  constructor(options: StateBlobsOptions) {
    this.#options = options;
  }

  /** Which keys there are, as GET_CONFIG tells it. */
  get keyFlags(): number {
    const { key, migrationKey } = this.#options;
    return (key === undefined ? 0 : 1) | (migrationKey === undefined ? 0 : 2);
  }

  /** A blob from `offset` on; the blob is made anew for each offset of zero. */
  async get(stateFlags: number, type: number, offset: number): Promise<BlobPart> {
    const { host } = this.#options;
    if (!host.running) return part(RESULT.BAD_ORDINAL);
    if (type === BLOB.SAVESTATE) {
      // The last one of those who take the state away: from here on it is another process's.
      await host.releaseStore();
      return part(RESULT.NO_SUCH_BLOB);
    }
    if (type !== BLOB.PERMANENT && type !== BLOB.VOLATILE) return part(RESULT.FAIL);
    if (offset === 0 || this.#fetched?.type !== type) {
      const image = await (type === BLOB.PERMANENT ? host.permanentImage() : host.volatileImage());
      if (image === undefined) return part(RESULT.FAIL);
      this.#fetched = { type, ...this.#seal(image, (stateFlags & WANT_DECRYPTED) !== 0) };
    }
    const { flags, blob } = this.#fetched;
    return { result: RESULT.SUCCESS, flags, total: Math.max(0, blob.length - offset), data: blob.slice(offset) };
  }

  /** Takes a blob for the next start. */
  async set(stateFlags: number, type: number, blob: Bytes): Promise<Result> {
    const { host, onFault } = this.#options;
    if (host.running) return RESULT.BAD_ORDINAL;
    try {
      await host.acquireStore(0);
    } catch (error) {
      this.#options.onStoreLost(error);
      return RESULT.IO_ERROR;
    }
    try {
      const image = blob.length === 0 ? EMPTY : this.#open(stateFlags, blob);
      if (type === BLOB.PERMANENT) await host.setPermanent(image);
      else if (type === BLOB.VOLATILE) await host.setVolatile(image);
      else if (type !== BLOB.SAVESTATE || image.length > 0) return RESULT.FAIL;
      return RESULT.SUCCESS;
    } catch (error) {
      if (!(error instanceof EnvelopeError) && !(error instanceof StoreError)) throw error;
      onFault(error);
      return error instanceof EnvelopeError ? error.result : RESULT.FAIL;
    }
  }

  #seal(image: Bytes, wantDecrypted: boolean): { readonly flags: number; readonly blob: Bytes } {
    const { platform, key, migrationKey } = this.#options;
    const blob = sealBlob(image, {
      key: wantDecrypted ? undefined : key,
      migrationKey,
      crypto: platform.crypto,
      entropy: (size) => platform.entropy(size),
    });
    return { flags: key !== undefined && !wantDecrypted ? IS_ENCRYPTED : 0, blob };
  }

  #open(stateFlags: number, blob: Bytes): Bytes {
    const { platform, key, migrationKey } = this.#options;
    return openBlob(blob, { key, migrationKey, encrypted: (stateFlags & IS_ENCRYPTED) !== 0, crypto: platform.crypto });
  }
}

const part = (result: Result): BlobPart => ({ result, flags: 0, total: 0, data: EMPTY });

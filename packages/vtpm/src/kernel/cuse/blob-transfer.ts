import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { MAX_BLOB_SIZE } from "../../server/state-blobs.ts";

/** Bytes of a blob in one ioctl; an ioctl with fewer is the last. */
const PACKET_SIZE = 3072;

interface Incoming {
  readonly flags: number;
  readonly type: number;
  readonly parts: Bytes[];
  size: number;
}

/** What is being moved in pieces through one open file: a state blob out of the TPM, or one into it. */
export class BlobTransfer {
  /** What has not been read yet. */
  #outgoing: Bytes = EMPTY;
  #incoming: Incoming | undefined;

  /** Whether reading gives the rest of a blob. */
  get sending(): boolean {
    return this.#outgoing.length > 0;
  }

  /** Whether writing adds to a blob. */
  get receiving(): boolean {
    return this.#incoming !== undefined;
  }

  /** Gives up what is under way. */
  forget(): void {
    this.#outgoing = EMPTY;
    this.#incoming = undefined;
  }

  /** A blob, or the rest of one, that is to be read. Returns the piece that the ioctl itself carries. */
  begin(blob: Bytes): Bytes {
    this.forget();
    this.#outgoing = blob;
    return this.read(PACKET_SIZE);
  }

  /** The next piece. */
  read(size: number): Bytes {
    const piece = this.#outgoing.subarray(0, size);
    this.#outgoing = this.#outgoing.subarray(piece.length);
    return piece;
  }

  /**
   * Takes a piece from an ioctl. The last one, which is shorter than others, gives the whole blob; but an empty one at the
   * beginning says that the pieces come by writing, and another empty one that they have come.
   */
  put(flags: number, type: number, data: Bytes): "more" | "too much" | Bytes {
    const begun = this.#incoming?.flags === flags && this.#incoming.type === type;
    if (!begun) {
      this.forget();
      this.#incoming = { flags, type, parts: [], size: 0 };
    }
    if (!this.write(data)) return "too much";
    if (data.length === PACKET_SIZE || (data.length === 0 && !begun)) return "more";
    const blob = concatBytes(...(this.#incoming?.parts ?? []));
    this.#incoming = undefined;
    return blob;
  }

  /** Takes a piece by writing; one that is too much ends it. */
  write(data: Bytes): boolean {
    const incoming = this.#incoming;
    if (incoming === undefined) return false;
    incoming.size += data.length;
    if (incoming.size > MAX_BLOB_SIZE) {
      this.#incoming = undefined;
      return false;
    }
    incoming.parts.push(data);
    return true;
  }
}

import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { BLOB_TYPE, type BlobType, CONTROL, type ControlCommandName, HASH_DATA_MAX, NON_FATAL } from "./commands.ts";
import { ControlChannelError, ControlResultError } from "./control-error.ts";
import type { ControlTransport } from "./control-transport.ts";

/** INIT: the volatile state is removed when it has been read. */
const DELETE_VOLATILE = 1;
/** GET_STATEBLOB: without the encryption of the state file. */
const DECRYPTED = 1;
/** Bytes of a blob, or of an information text, that are taken from a server. */
const TOTAL_MAX = 4 << 20;

export interface BufferSizes {
  readonly size: number;
  readonly min: number;
  readonly max: number;
}

/**
 * The caller's side of swtpm's control commands. Everything rejects with a `ControlResultError` where the server refuses, with
 * a `ControlChannelError` where it does not answer.
 */
export class ControlClient {
  readonly #transport: ControlTransport;

  constructor(transport: ControlTransport) {
    this.#transport = transport;
  }

  close(): void {
    this.#transport.close();
  }

  /** What the server can do. It has no result of its own. */
  async capability(): Promise<bigint> {
    const response = this.#view(await this.#transport.exchange("GET_CAPABILITY", EMPTY));
    return response.getBigUint64(0, this.#transport.littleEndian);
  }

  async init(): Promise<void> {
    await this.#call("INIT", this.#words(DELETE_VOLATILE));
  }

  /** Commands without a request, of whose response only the result matters. */
  async plain(command: "SHUTDOWN" | "STOP" | "CANCEL_TPM_CMD" | "STORE_VOLATILE"): Promise<void> {
    await this.#call(command);
  }

  async established(): Promise<boolean> {
    return (await this.#call("GET_TPMESTABLISHED")).getUint8(4) !== 0;
  }

  async resetEstablished(locality: number): Promise<void> {
    await this.#call("RESET_TPMESTABLISHED", Uint8Array.of(locality));
  }

  async setLocality(locality: number): Promise<void> {
    await this.#call("SET_LOCALITY", Uint8Array.of(locality));
  }

  /** Measures data as a processor does, however it comes. */
  async hash(data: AsyncIterable<Bytes> | Iterable<Bytes>): Promise<void> {
    await this.#call("HASH_START");
    for await (const chunk of data) {
      for (let at = 0; at < chunk.length; at += HASH_DATA_MAX) {
        const part = chunk.subarray(at, at + HASH_DATA_MAX);
        await this.#call("HASH_DATA", concatBytes(this.#words(part.length), part));
      }
    }
    await this.#call("HASH_END");
  }

  /** A state blob without the encryption of the state file; empty where there is none. */
  async stateBlob(type: BlobType): Promise<Bytes> {
    return this.#collect("GET_STATEBLOB", (offset) => this.#words(DECRYPTED, BLOB_TYPE[type], offset));
  }

  async setStateBlob(type: BlobType, blob: Bytes): Promise<void> {
    const { stream, blobPacket = Number.POSITIVE_INFINITY } = this.#transport;
    const send = (part: Bytes) =>
      this.#call("SET_STATEBLOB", concatBytes(this.#words(0, BLOB_TYPE[type], part.length), part));
    if (stream !== undefined) {
      await send(EMPTY);
      await stream.write(blob);
      await send(EMPTY);
      return;
    }
    for (let at = 0; ; at += blobPacket) {
      const part = blob.subarray(at, at + blobPacket);
      await send(part);
      if (part.length < blobPacket) return;
    }
  }

  /** Flags that tell which keys are in use. */
  async config(): Promise<number> {
    return this.#word(await this.#call("GET_CONFIG"), 1);
  }

  /** Sets the size of the buffer, or with 0 only asks for it. */
  async bufferSize(wanted: number): Promise<BufferSizes> {
    const response = await this.#call("SET_BUFFERSIZE", this.#words(wanted));
    return { size: this.#word(response, 1), min: this.#word(response, 2), max: this.#word(response, 3) };
  }

  /** The JSON of these parts. */
  async info(flags: bigint): Promise<string> {
    const { littleEndian } = this.#transport;
    const text = await this.#collect("GET_INFO", (offset) => {
      const request = new Uint8Array(16);
      this.#view(request).setBigUint64(0, flags, littleEndian);
      this.#view(request).setUint32(8, offset, littleEndian);
      return request;
    });
    const end = text.indexOf(0);
    return new TextDecoder().decode(end === -1 ? text : text.subarray(0, end));
  }

  /** Takes the lock of the state, trying again so many times. */
  async lockStorage(retries: number): Promise<void> {
    await this.#call("LOCK_STORAGE", this.#words(retries));
  }

  async #call(command: ControlCommandName, request: Bytes = EMPTY): Promise<DataView> {
    const response = this.#view(await this.#transport.exchange(command, request));
    const code = this.#word(response, 0);
    if (code !== 0 && code !== NON_FATAL) throw new ControlResultError(command, code);
    return response;
  }

  /** Asks for one part after the other, until there are as many bytes as the response says in all. */
  async #collect(command: "GET_STATEBLOB" | "GET_INFO", request: (offset: number) => Bytes): Promise<Bytes> {
    const stream = command === "GET_STATEBLOB" ? this.#transport.stream : undefined;
    const head = CONTROL[command].response.size;
    const parts: Bytes[] = [];
    for (let offset = 0, total = 0; ; ) {
      let part: Bytes;
      if (stream !== undefined && offset > 0) {
        part = await stream.read(total - offset);
      } else {
        const response = await this.#call(command, request(offset));
        total = this.#word(response, head / 4 - 2);
        const length = this.#word(response, head / 4 - 1);
        if (length > response.byteLength - head || Math.max(total, offset + length) > TOTAL_MAX) {
          throw new ControlChannelError(command, `${length} of ${total} bytes are announced, which cannot be`);
        }
        part = new Uint8Array(response.buffer, response.byteOffset + head, length);
      }
      parts.push(part);
      offset += part.length;
      if (part.length === 0 || offset >= total) return Uint8Array.from(Buffer.concat(parts));
    }
  }

  #words(...values: readonly number[]): Bytes {
    const bytes = new Uint8Array(4 * values.length);
    for (const [i, value] of values.entries()) this.#view(bytes).setUint32(4 * i, value, this.#transport.littleEndian);
    return bytes;
  }

  #word(response: DataView, index: number): number {
    return response.getUint32(4 * index, this.#transport.littleEndian);
  }

  #view(bytes: Bytes): DataView {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

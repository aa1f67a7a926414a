import type { Bytes } from "@vtpm/wire";
import type { TpmHost } from "../host/tpm-host.ts";

/** The data of one _TPM_Hash_Data message, measured as it arrives: it may have any size, and none of it is kept. */
export class HashMessage {
  readonly #host: TpmHost;
  #left: number;
  #measured = true;

  constructor(host: TpmHost, size: number) {
    this.#host = host;
    this.#left = size;
  }

  /** Bytes that have not arrived yet. */
  get left(): number {
    return this.#left;
  }

  /** Takes what belongs to the message, and tells then whether all so far was measured. Returns how many bytes that is. */
  take(input: Bytes, done: (measured: boolean) => void): number {
    const data = input.slice(0, this.#left);
    this.#left -= data.length;
    void this.#host.hashData(data).then((measured) => {
      this.#measured &&= measured;
      done(this.#measured);
    });
    return data.length;
  }
}

import type { Bytes } from "@vtpm/wire";

/** A way to a TPM. An engine is one, and so is a host: what takes a command and gives its response. */
export interface Transport {
  execute(command: Bytes): Bytes | Promise<Bytes>;
}

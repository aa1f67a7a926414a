import { type Bytes, type Codec, Reader, Refusal } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { rcOfReason } from "../../spec/response-codes.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/** Reads structures out of bytes that came in a buffer; what is refused there becomes the command's error. */
export function readerOf(tpm: Engine, bytes: Bytes): { read<T>(codec: Codec<T>): T; readonly remaining: number } {
  const reader = new Reader(bytes, tpm.profile);
  return {
    read(codec) {
      try {
        return codec.read(reader);
      } catch (error) {
        if (error instanceof Refusal) throw new TpmError(rcOfReason(error.reason));
        throw error;
      }
    },
    get remaining() {
      return reader.remaining;
    },
  };
}

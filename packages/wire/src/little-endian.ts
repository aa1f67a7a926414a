import { UINT16, UINT32, UINT64 } from "./integers.ts";
import { type Codec, decode, encode } from "./schema.ts";

/** An integer whose least significant byte comes first, as in formats that once were a machine's memory. */
function littleEndian<T>(codec: Codec<T>, size: number): Codec<T> {
  return {
    ...codec,
    name: `${codec.name}_LE`,
    read: (reader) => decode(codec, reader.bytes(size).reverse()),
    write: (writer, value) => writer.bytes(encode(codec, value).reverse()),
  };
}

export const UINT16_LE = littleEndian(UINT16, 2);
export const UINT32_LE = littleEndian(UINT32, 4);
export const UINT64_LE = littleEndian(UINT64, 8);

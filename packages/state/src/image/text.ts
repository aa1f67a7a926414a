import { type Codec, UINT16 } from "@vtpm/wire";

/** An ASCII text, behind its size with the NUL that ends it. */
export const TEXT: Codec<string> = {
  name: "text",
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    const size = reader.part("size", UINT16);
    if (size === 0) throw reader.refuse("SIZE", "a text has at least the NUL byte that ends it", start);
    const bytes = reader.bytes(size);
    const end = bytes.indexOf(0);
    if (end !== size - 1) throw reader.refuse("VALUE", "a text ends with its only NUL byte", start);
    if (bytes.some((byte) => byte > 0x7e)) throw reader.refuse("VALUE", "a text is plain ASCII", start);
    return Array.from(bytes.subarray(0, end), (byte) => String.fromCharCode(byte)).join("");
  },
  write(writer, text) {
    writer.uint16(text.length + 1);
    writer.bytes(Uint8Array.from(`${text}\0`, (character) => character.charCodeAt(0)));
  },
  text: (text) => text,
};

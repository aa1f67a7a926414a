import { buffer, type Codec, UINT8, UINT32 } from "@vtpm/wire";

/** Larger than anything a TPM keeps under one key. */
const MAX_VALUE_SIZE = 0x100_0000;

/** A short ASCII string behind its size: a key, or the name of a TPM. */
export const ASCII: Codec<string> = (() => {
  const text = buffer("ASCII string", { base: UINT8, max: 0xff });
  return {
    name: text.name,
    shape: text.shape,
    read: (reader) => Buffer.from(text.read(reader)).toString("latin1"),
    write: (writer, value) => text.write(writer, Buffer.from(value, "latin1")),
    text: (value) => value,
  };
})();

/** The bytes under one key. */
export const VALUE = buffer("value", { base: UINT32, max: MAX_VALUE_SIZE });

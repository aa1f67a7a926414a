export { type BitPosition, type Bits, type BitValues, bits } from "./bits.ts";
export { block, LATER_ADDITIONS, optionalBlock } from "./block.ts";
export { type BufferOptions, buffer, bytes } from "./buffer.ts";
export { type Bytes, concatBytes, EMPTY, equalBytes, fromHex, orBytes, plainBytes, toHex, xorBytes } from "./bytes.ts";
export { type Choice, type ChoiceOptions, choice, type Names } from "./choice.ts";
export { counted } from "./counted.ts";
export { type Description, describe, formatDescription, refusedPath } from "./describe.ts";
export { alias, BYTE, limited, UINT8, UINT16, UINT32, UINT64 } from "./integers.ts";
export { list } from "./list.ts";
export { UINT16_LE, UINT32_LE, UINT64_LE } from "./little-endian.ts";
export { Reader, type Tracer } from "./reader.ts";
export { checked, constant, converted } from "./refined.ts";
export { Refusal } from "./refusal.ts";
export { ANY, type Rules } from "./rules.ts";
export {
  type Accepts,
  type Bound,
  boundOf,
  type Codec,
  decode,
  encode,
  type Fields,
  lastOf,
  type Range,
  type Shape,
  type TypeOf,
  type ValuesOf,
} from "./schema.ts";
export { optionalSized, sized } from "./sized.ts";
export { type Struct, struct, type Union, type UnionOf, union, type Variants } from "./struct.ts";
export { array, optional, table } from "./table.ts";
export {
  type ByVersion,
  changed,
  type Header,
  settled,
  since,
  type Versioned,
  type VersionedOptions,
  versioned,
} from "./versioned.ts";
export { Writer } from "./writer.ts";

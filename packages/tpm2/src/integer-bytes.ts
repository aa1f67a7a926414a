import { type Bytes, encode, UINT16, UINT32, UINT64 } from "@vtpm/wire";

/** Numbers as the bytes that go into a hash. */
export const uint16 = (value: number): Bytes => encode(UINT16, value);
export const uint32 = (value: number): Bytes => encode(UINT32, value);
export const uint64 = (value: bigint): Bytes => encode(UINT64, value);

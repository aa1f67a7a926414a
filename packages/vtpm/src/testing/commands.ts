import { type Bytes, fromHex, toHex } from "@vtpm/wire";

const word = (value: number, size: number): string => value.toString(16).padStart(2 * size, "0");
/** An empty password for one handle: TPM_RS_PW without nonce, attributes and authValue. */
const EMPTY_PASSWORD = "00000009 40000009 0000 00 0000";

function command(tag: number, code: number, body: string): Bytes {
  const bytes = fromHex(body);
  return fromHex(`${word(tag, 2)} ${word(10 + bytes.length, 4)} ${word(code, 4)} ${toHex(bytes)}`);
}

const plain = (code: number, body = ""): Bytes => command(0x8001, code, body);
const authorized = (code: number, handles: string, parameters = ""): Bytes =>
  command(0x8002, code, `${handles} ${EMPTY_PASSWORD} ${parameters}`);

/** Commands as clients send them; indices are handles of a type that the owner may write and read. */
export const startup = (type: 0 | 1): Bytes => plain(0x144, word(type, 2));
export const shutdown = (type: 0 | 1): Bytes => plain(0x145, word(type, 2));
export const getRandom = (size: number): Bytes => plain(0x17b, word(size, 2));
/** PCR 17 of the SHA-256 bank. */
export const readPcr17 = plain(0x17e, "00000001 000b 03 000002");
/** Allowed from localities 2 to 4 only. */
export const extendPcr17 = authorized(0x182, "00000011", `00000001 000b ${"5a".repeat(32)}`);

/** Allowed from every locality. */
export const extendPcr16 = authorized(0x182, "00000010", `00000001 000b ${"5a".repeat(32)}`);

/** PCR 7 of the SHA-256 bank, one of those that TPM2_Startup(STATE) keeps; allowed from every locality. */
export const readPcr7 = plain(0x17e, "00000001 000b 03 800000");
export const extendPcr7 = authorized(0x182, "00000007", `00000001 000b ${"5a".repeat(32)}`);

export const defineCounter = (index: number): Bytes =>
  authorized(0x12a, "40000001", `0000 000e ${word(index, 4)} 000b 02060016 0000 0008`);
/** An Index for data of this size. */
export const defineIndex = (index: number, size: number): Bytes =>
  authorized(0x12a, "40000001", `0000 000e ${word(index, 4)} 000b 00020002 0000 ${word(size, 2)}`);
export const increment = (index: number): Bytes => authorized(0x134, `40000001 ${word(index, 4)}`);
export const readCounter = (index: number): Bytes => authorized(0x14e, `40000001 ${word(index, 4)}`, "0008 0000");

/** A primary key of the owner, RSA with this many bits. The search for its primes is the long work of a TPM. */
export const createPrimaryRsa = (keyBits: number, unique = 0): Bytes => {
  const area = `0001 000b 00030072 0000 0006 0080 0043 0010 ${word(keyBits, 2)} 00000000 0004 ${word(unique, 4)}`;
  return authorized(0x131, "40000001", `0004 0000 0000 ${word(fromHex(area).length, 2)} ${area} 0000 00000000`);
};

export const flush = (handle: number): Bytes => plain(0x165, word(handle, 4));

/** The handle in the response of a command that makes an object. */
export function handleIn(response: Bytes): number {
  return new DataView(response.buffer, response.byteOffset, response.byteLength).getUint32(10);
}

export function responseCode(response: Bytes): number {
  return new DataView(response.buffer, response.byteOffset, response.byteLength).getUint32(6);
}

/** What NV_Read of a counter gave: header 10, parameter size 4, data size 2, data. */
export function counterValue(response: Bytes): number {
  return Number(new DataView(response.buffer, response.byteOffset, response.byteLength).getBigUint64(16));
}

import { type Bytes, concatBytes, fromHex, toHex } from "@vtpm/wire";

/** The commands of a life: what changes durable state in every way, and what asks for it. */
const OWNER = "40000001";
const LOCKOUT = "4000000a";
const PERSISTENT = "81000001";
const TRANSIENT = "80000000";
const NONE = "";

/** Handles of NV Indices. */
export const COUNTER = 0x0180_0001;
export const ORDERLY_COUNTER = 0x0180_0002;
export const DATA = 0x0180_0003;

const word = (value: number, size: number): string => value.toString(16).padStart(2 * size, "0");
const sized = (hex: string): string => word(fromHex(hex).length, 2) + hex;

function command(tag: number, code: number, body: string): Bytes {
  const bytes = fromHex(body);
  return concatBytes(fromHex(`${word(tag, 2)} ${word(10 + bytes.length, 4)} ${word(code, 4)}`), bytes);
}

/** With a password, in hex, for its first handle. */
function authorized(code: number, handles: string, password: string, parameters = ""): Bytes {
  const area = `40000009 0000 00 ${sized(password)}`;
  return command(0x8002, code, `${handles} ${word(fromHex(area).length, 4)} ${area} ${parameters}`);
}

const define = (index: number, attributes: string, size: number, auth = NONE): Bytes => {
  const area = `${word(index, 4)} 000b ${attributes} 0000 ${word(size, 2)}`;
  return authorized(0x12a, OWNER, NONE, `${sized(auth)} ${sized(toHex(fromHex(area)))}`);
};

/** Counters that the owner increments and reads, without protection from dictionary attack. */
export const defineCounter = define(COUNTER, "02060016", 8);
export const defineOrderlyCounter = define(ORDERLY_COUNTER, "06060016", 8);
export const DATA_SIZE = 600;
/** Written and read with a password, whose failures count. */
const PASSWORD = "5e c2 e7".replaceAll(" ", "");
export const defineData = define(DATA, "00040004", DATA_SIZE, PASSWORD);

export const increment = (index: number): Bytes => authorized(0x134, `${OWNER} ${word(index, 4)}`, NONE);
export const readCounter = (index: number): Bytes => authorized(0x14e, `${OWNER} ${word(index, 4)}`, NONE, "0008 0000");
export const writeData = (fill: number): Bytes =>
  authorized(0x137, `${word(DATA, 4)} ${word(DATA, 4)}`, PASSWORD, `${sized(word(fill, 1).repeat(DATA_SIZE))} 0000`);
export const readData = authorized(0x14e, `${word(DATA, 4)} ${word(DATA, 4)}`, PASSWORD, `${word(DATA_SIZE, 2)} 0000`);
/** Answered with TPM_RC_AUTH_FAIL, and counted. */
export const readDataWithWrongPassword = authorized(
  0x14e,
  `${word(DATA, 4)} ${word(DATA, 4)}`,
  "00",
  `${word(DATA_SIZE, 2)} 0000`,
);
export const AUTH_FAIL = 0x98e;

export const resetLockout = authorized(0x139, LOCKOUT, NONE);
/** TPM_PT_LOCKOUT_COUNTER. */
export const readLockoutCounter = command(0x8001, 0x17a, "00000006 0000020e 00000001");

/** A P-256 signing key of the owner, into the first transient slot. */
const ECC_AREA = "0023 000b 00040072 0000 0010 0018 000b 0003 0010 0000 0000";
export const createPrimary = authorized(
  0x131,
  OWNER,
  NONE,
  `0004 0000 0000 ${sized(toHex(fromHex(ECC_AREA)))} 0000 00000000`,
);
export const persist = authorized(0x120, `${OWNER} ${TRANSIENT}`, NONE, PERSISTENT);
export const removePersistent = authorized(0x120, `${OWNER} ${PERSISTENT}`, NONE, PERSISTENT);
export const flush = command(0x8001, 0x165, TRANSIENT);

export const startup = (type: 0 | 1): Bytes => command(0x8001, 0x144, word(type, 2));
export const getRandom = command(0x8001, 0x17b, "0008");
export const extendPcr = authorized(0x182, "00000010", NONE, `00000001 000b ${"5a".repeat(32)}`);

export const clear = authorized(0x126, LOCKOUT, NONE);

/** What changes nothing durable, once the first use of what is protected from dictionary attack has been noted in NV. */
export const UNCHANGING: readonly Bytes[] = [
  ...[getRandom, extendPcr, readCounter(COUNTER), readData, readLockoutCounter],
  ...[createPrimary, flush],
];

const view = (response: Bytes): DataView => new DataView(response.buffer, response.byteOffset, response.byteLength);
export const codeOf = (response: Bytes): number => view(response).getUint32(6);
/** Behind header, parameter size and data size. */
export const counterIn = (response: Bytes): number => Number(view(response).getBigUint64(16));
export const dataIn = (response: Bytes): Bytes => response.slice(16, 16 + DATA_SIZE);
/** Behind header, moreData, capability, count and property. */
export const propertyIn = (response: Bytes): number => view(response).getUint32(23);

import {
  type Bytes,
  bytes,
  type Codec,
  checked,
  choice,
  constant,
  converted,
  settled,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
} from "@vtpm/wire";
import { TPM_ALG } from "../spec/constants.ts";
import type { HASH_STATE } from "../state/object.ts";
import { blockSizeOf, digestSizeOf } from "../subsystems/hash-algorithms.ts";

/** The words of a hash computation. */
interface Midstate {
  /** The chaining value. */
  readonly h: Bytes;
  /** Bits absorbed, the pending bytes included: the low half of the number, and the high half. */
  readonly low: bigint;
  readonly high: bigint;
  /** A block, of which the first `num` bytes are pending. */
  readonly data: Bytes;
  readonly num: number;
}

const WORD: Codec<bigint> = {
  ...UINT64,
  name: "UINT32",
  read: (reader) => BigInt(reader.uint32()),
  write: (writer, value) => writer.uint32(Number(value)),
};

/** Words of a chaining value of SHA-2. */
const WORDS = 8;

/** The layout for one algorithm; of SHA-1 libtpms keeps less. */
function midstate(hashAlg: number, magic: number, chainingSize: number): Codec<Midstate> {
  const blockSize = blockSizeOf(hashAlg);
  const digestSize = digestSizeOf(hashAlg);
  const half = blockSize === 64 ? WORD : UINT64;
  const header = { magic };
  const common = {
    h: bytes("h", chainingSize),
    low: half,
    high: half,
    dataSize: constant("dataSize", UINT16, blockSize),
    data: bytes("data", blockSize),
    num: UINT32,
  };
  const sizes = { words: WORDS, dataSize: blockSize, digestSize };
  const layout: Codec<Midstate> =
    hashAlg === TPM_ALG.SHA1
      ? converted(settled("SHA-1 state", header, common), same, (value) => ({ dataSize: blockSize, ...value }))
      : converted(
          settled("SHA-2 state", header, {
            words: constant("words", UINT16, WORDS),
            ...common,
            digestSize: constant("digestSize", UINT32, digestSize),
          }),
          same,
          (value) => ({ ...sizes, ...value }),
        );
  return checked(layout, ({ low, num }) =>
    low % (8n * BigInt(blockSize)) === 8n * BigInt(num)
      ? undefined
      : `${num} bytes do not go with ${low} bits absorbed`,
  );
}

const same = (midstate: Midstate): Midstate => midstate;

const MIDSTATES: ReadonlyMap<number, Codec<Midstate>> = new Map([
  [TPM_ALG.SHA1, midstate(TPM_ALG.SHA1, 0x19d46f50, 20)],
  [TPM_ALG.SHA256, midstate(TPM_ALG.SHA256, 0x6ea059d0, 32)],
  [TPM_ALG.SHA384, midstate(TPM_ALG.SHA384, 0x14814b08, 64)],
  [TPM_ALG.SHA512, midstate(TPM_ALG.SHA512, 0x269e8ae0, 64)],
]);

/** Whether libtpms has a layout for a computation of this algorithm. */
export const hasMidstate = (hashAlg: number): boolean => MIDSTATES.has(hashAlg);

/** What a computation is part of; the inner hash of an HMAC says so. */
export const HASH_TYPE = { NONE: 0, HASH: 1, HMAC: 2 } as const;
type HashType = (typeof HASH_TYPE)[keyof typeof HASH_TYPE];

const NO_ALGORITHM = 0;
const ANY_HASH_STATE = { magic: 0x349d494b };
const EMPTY_STATE = settled("ANY_HASH_STATE", ANY_HASH_STATE, {});
const STATES = new Map(
  [...MIDSTATES].map(([hashAlg, state]) => [hashAlg, settled("ANY_HASH_STATE", ANY_HASH_STATE, { state })]),
);
const ALGORITHM = choice("hash algorithm", UINT16, { values: [NO_ALGORITHM, ...MIDSTATES.keys()], reason: "VALUE" });

/** A hash computation of a sequence object; `undefined` stands for a place that the sequence does not use. */
export function hashStateOf(type: Exclude<HashType, 0>): Codec<HASH_STATE | undefined> {
  const body: Codec<HASH_STATE | undefined> = {
    name: "hash computation",
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const found = reader.part("type", UINT8);
      const hashAlg = reader.part("hashAlg", ALGORITHM);
      const layout = STATES.get(hashAlg);
      if (found !== (layout === undefined ? HASH_TYPE.NONE : type)) {
        throw reader.refuse("VALUE", `a computation of type ${found} with algorithm 0x${hashAlg.toString(16)}`, start);
      }
      if (layout === undefined) {
        reader.part("state", EMPTY_STATE);
        return undefined;
      }
      const { h, low, high, data, num } = reader.part("state", layout).state;
      const half = blockSizeOf(hashAlg) === 64 ? 2n ** 32n : 2n ** 64n;
      const length = (high * half + low) / 8n;
      if (length > 0xffff_ffff_ffff_ffffn) throw reader.refuse("VALUE", `${length} bytes cannot be counted`, start);
      return { hashAlg, chaining: h, length, pending: data.slice(0, num) };
    },
    write(writer, value) {
      writer.uint8(value === undefined ? HASH_TYPE.NONE : type);
      writer.uint16(value?.hashAlg ?? NO_ALGORITHM);
      if (value === undefined) {
        EMPTY_STATE.write(writer, {});
        return;
      }
      const layout = STATES.get(value.hashAlg);
      if (layout === undefined) throw new RangeError(`libtpms has no midstate of 0x${value.hashAlg.toString(16)}`);
      const blockSize = blockSizeOf(value.hashAlg);
      const data = new Uint8Array(blockSize);
      data.set(value.pending);
      const half = blockSize === 64 ? 2n ** 32n : 2n ** 64n;
      const bits = 8n * value.length;
      const [low, high] = [bits % half, bits / half];
      layout.write(writer, { state: { h: value.chaining, low, high, data, num: value.pending.length } });
    },
    text: () => "",
  };
  const layout = settled("HASH_STATE", { magic: 0x562878a2 }, { body });
  return converted(
    layout,
    (value) => value.body,
    (value) => ({ body: value }),
  );
}

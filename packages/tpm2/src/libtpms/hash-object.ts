import {
  type Bytes,
  buffer,
  type Codec,
  choice,
  constant,
  counted,
  EMPTY,
  list,
  settled,
  struct,
  UINT16,
  UINT32,
  xorBytes,
} from "@vtpm/wire";
import { TPMA_OBJECT } from "../spec/attributes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM2B_AUTH } from "../spec/structures/index.ts";
import { HASH_STATE, OBJECT_ATTRIBUTES, type SEQUENCE_SLOT } from "../state/object.ts";
import { blockSizeOf } from "../subsystems/hash-algorithms.ts";
import { HASH_TYPE, hashStateOf, hasMidstate } from "./hash-state.ts";

/** A hash sequence uses the first place, an event sequence one for each bank. */
const PLACES = 4;
/** libtpms keeps the key already combined with the pad of the outer hash. */
const OUTER_PAD = 0x5c;

/** The second version lacked the states of event sequences. */
const HEADER = { magic: 0xb874fe38, versions: [2, 3] };

/** libtpms reads what is not there as 0, and writes that when it hands a TPM on that was handed to it. */
const NO_ALGORITHM = choice("no algorithm", UINT16, { values: [TPM_ALG.NULL, 0], reason: "VALUE" });

/** What a sequence says where an object has its public area. */
const PUBLIC = {
  type: NO_ALGORITHM,
  nameAlg: NO_ALGORITHM,
  objectAttributes: constant("objectAttributes", UINT32, TPMA_OBJECT.of({ noDA: true })),
  auth: TPM2B_AUTH,
};
const PUBLIC_VALUES = {
  type: TPM_ALG.NULL,
  nameAlg: TPM_ALG.NULL,
  objectAttributes: TPMA_OBJECT.of({ noDA: true }),
} as const;

const HASH_SEQUENCE = settled("HASH_OBJECT", HEADER, {
  ...PUBLIC,
  states: counted("states", hashStateOf(HASH_TYPE.HASH), PLACES),
});

const HMAC_SEQUENCE = settled("HASH_OBJECT", HEADER, {
  ...PUBLIC,
  state: hashStateOf(HASH_TYPE.HMAC),
  hmacKey: buffer("hmacKey", { max: 128 }),
});

/** What there is to say of a sequence beside its attributes. */
export type SEQUENCE = Omit<SEQUENCE_SLOT, "kind" | "attributes">;

/** Whether libtpms has a layout for the sequence: not for CMAC, nor for algorithms that it lacks. */
export function isExpressible({ mac, hashes }: SEQUENCE): boolean {
  return mac.length === 0 && hashes.every(({ hashAlg }) => hasMidstate(hashAlg));
}

/** A hash, event or HMAC sequence. */
export function hashObjectOf(attributes: number): Codec<SEQUENCE> {
  if (OBJECT_ATTRIBUTES.has(attributes, "hmacSeq")) return HMAC_OBJECT;
  return OBJECT_ATTRIBUTES.has(attributes, "hashSeq") ? ONE_HASH : ALL_HASHES;
}

const ONE_HASH = hashSequence(1);
const ALL_HASHES = hashSequence(PLACES);

function hashSequence(count: number): Codec<SEQUENCE> {
  return {
    name: HASH_SEQUENCE.name,
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const { auth, states } = HASH_SEQUENCE.read(reader);
      const hashes = states.filter((state) => state !== undefined);
      if (hashes.length !== count || states.slice(count).some((state) => state !== undefined)) {
        throw reader.refuse("VALUE", `${hashes.length} running hashes, expected ${count} in the first places`, start);
      }
      return { auth, hashes, hmacKey: EMPTY, mac: EMPTY };
    },
    write(writer, { auth, hashes }) {
      const states = Array.from({ length: PLACES }, (_, i) => hashes[i]);
      HASH_SEQUENCE.write(writer, { ...PUBLIC_VALUES, auth, states });
    },
    text: () => "",
  };
}

const HMAC_OBJECT: Codec<SEQUENCE> = {
  name: HMAC_SEQUENCE.name,
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    const { auth, state, hmacKey } = HMAC_SEQUENCE.read(reader);
    if (state === undefined) throw reader.refuse("VALUE", "an HMAC sequence has a running hash", start);
    if (hmacKey.length !== blockSizeOf(state.hashAlg)) {
      throw reader.refuse("SIZE", `an HMAC key of ${hmacKey.length} bytes, expected a block`, start);
    }
    return { auth, hashes: [state], hmacKey: withOuterPad(hmacKey), mac: EMPTY };
  },
  write(writer, { auth, hashes, hmacKey }) {
    HMAC_SEQUENCE.write(writer, { ...PUBLIC_VALUES, auth, state: hashes[0], hmacKey: withOuterPad(hmacKey) });
  },
  text: () => "",
};

const withOuterPad = (key: Bytes): Bytes => xorBytes(key, new Uint8Array(key.length).fill(OUTER_PAD));

/** Any sequence as this engine keeps it, for the kinds that libtpms has no layout for. */
export const OTHER_SEQUENCE: Codec<SEQUENCE> = struct("other sequence", {
  auth: TPM2B_AUTH,
  hashes: list("sequence hashes", HASH_STATE, { max: 8 }),
  hmacKey: buffer("hmacKey", { max: 0xffff }),
  mac: buffer("mac", { max: 0xffff }),
});

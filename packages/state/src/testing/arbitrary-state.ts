import type { NvState, Profile, TpmState } from "@vtpm/tpm2";
import { TPM_ALG, TPM_NT, TPM_RH, TPM_SU, TPMA_NV } from "@vtpm/tpm2/spec";
import {
  type ANY_OBJECT,
  allUntested,
  digestSizeOf,
  NO_EXTENSION,
  NV_INDEX,
  OBJECT,
  OBJECT_ATTRIBUTES,
  ORDERLY,
  ORDERLY_DATA,
  PERSISTENT_DATA,
  RAM_STATE,
  SESSION,
  SLOT,
  STATE_CLEAR_DATA,
  STATE_RESET_DATA,
} from "@vtpm/tpm2/state";
import { type Bytes, concatBytes, EMPTY, encode, UINT16 } from "@vtpm/wire";
import { arbitrary } from "@vtpm/wire/testing";
import fc from "fast-check";

type SEQUENCE_SLOT = Extract<ANY_OBJECT, { readonly kind: typeof SLOT.SEQUENCE }>;
type HASH_STATE = SEQUENCE_SLOT["hashes"][number];

const BANKS = [TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384, TPM_ALG.SHA512];
const HASHES = [...BANKS, TPM_ALG.NULL];
const NV_FIRST = 0x0100_0000;
const PERSISTENT_FIRST = 0x8100_0000;
const TRANSIENT_FIRST = 0x8000_0000;
const PCRS = 24;
const SAVED_PCRS = 16;
const SLOTS = [0, 1, 2];
/** Bytes of the longest digest. */
const MAX_DIGEST = 64;
/** Types of NV Indices that have a fixed size. */
const NUMBERS: readonly number[] = [TPM_NT.COUNTER, TPM_NT.BITS, TPM_NT.PIN_FAIL, TPM_NT.PIN_PASS];
/** Bytes of data that the memory for orderly Indices has room for, of as many of them as there are. */
const MAX_ORDERLY_SIZE = 60;

const bytesOf = (size: number): fc.Arbitrary<Bytes> => fc.uint8Array({ minLength: size, maxLength: size });
const level = fc.nat(1);

/** The value with some of its fields drawn again: those that the schema alone says too little of. */
const narrowed = <T extends object, P extends Partial<T>>(
  all: fc.Arbitrary<T>,
  parts: { readonly [K in keyof P]: fc.Arbitrary<P[K]> },
): fc.Arbitrary<T> => fc.tuple(all, fc.record(parts)).map(([value, changes]) => ({ ...value, ...changes }));

/** An algorithm, and a policy that is a digest of it. */
const policy = fc
  .constantFrom(...HASHES)
  .chain((hashAlg) => fc.tuple(fc.constant(hashAlg), bytesOf(digestSizeOf(hashAlg))));

const selection = fc
  .subarray(BANKS)
  .chain((hashes) =>
    fc.tuple(...hashes.map((hash) => bytesOf(3).map((pcrSelect) => ({ hash, pcrSelect })))).map((banks) => [...banks]),
  );

/** PCRs of every bank. */
const banksOf = (count: number): fc.Arbitrary<ReadonlyMap<number, readonly Bytes[]>> =>
  fc
    .tuple(...BANKS.map((hash) => fc.array(bytesOf(digestSizeOf(hash)), { minLength: count, maxLength: count })))
    .map((values) => new Map(BANKS.map((hash, i) => [hash, values[i] ?? []])));

/** Commands in the order of their codes, as a bitmap has them. */
const commandsOf = ({ commands }: Profile): fc.Arbitrary<number[]> =>
  fc.subarray([...commands.keys()].sort((a, b) => a - b));

function persistentOf(profile: Profile): fc.Arbitrary<PERSISTENT_DATA> {
  const orderlyState = fc.constantFrom(
    ORDERLY.NONE,
    ORDERLY.DA_USED,
    ...[TPM_SU.CLEAR, TPM_SU.STATE].flatMap((su) => [
      su,
      su + ORDERLY.PRE_STARTUP,
      su + ORDERLY.STARTUP_LOCALITY_3,
      su + ORDERLY.PRE_STARTUP + ORDERLY.STARTUP_LOCALITY_3,
    ]),
  );
  return fc
    .tuple(
      narrowed(arbitrary(PERSISTENT_DATA, profile), {
        EPSeedCompatLevel: level,
        SPSeedCompatLevel: level,
        PPSeedCompatLevel: level,
        pcrAllocated: selection,
        pcrInUse: selection,
        ppList: commandsOf(profile),
        auditCommands: commandsOf(profile),
        auditHashAlg: fc.constantFrom(...BANKS),
        orderlyState,
      }),
      fc.tuple(policy, policy, policy, policy),
    )
    .map(([data, [owner, endorsement, lockout, pcr]]) => ({
      ...data,
      ...{ ownerAlg: owner[0], ownerPolicy: owner[1] },
      ...{ endorsementAlg: endorsement[0], endorsementPolicy: endorsement[1] },
      ...{ lockoutAlg: lockout[0], lockoutPolicy: lockout[1] },
      ...{ pcrPolicyAlg: pcr[0], pcrPolicy: pcr[1] },
    }));
}

/** No session is loaded in it. */
const stateReset = (profile: Profile): fc.Arbitrary<STATE_RESET_DATA> =>
  narrowed(arbitrary(STATE_RESET_DATA, profile), {
    nullSeedCompatLevel: level,
    contextSlotMask: fc.constant(0xffff),
    contextArray: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 4, max: 0xffff })), {
      minLength: 64,
      maxLength: 64,
    }),
  });

const stateClear = (profile: Profile): fc.Arbitrary<STATE_CLEAR_DATA> =>
  fc
    .tuple(narrowed(arbitrary(STATE_CLEAR_DATA, profile), { pcrSave: banksOf(SAVED_PCRS) }), policy)
    .map(([data, [platformAlg, platformPolicy]]) => ({ ...data, platformAlg, platformPolicy }));

/** NV Indices; of orderly ones the data is elsewhere. */
const indicesOf = (profile: Profile): fc.Arbitrary<readonly (readonly [number, NV_INDEX])[]> =>
  fc
    .uniqueArray(fc.tuple(fc.nat(0xffff), arbitrary(NV_INDEX, profile), fc.nat(200), fc.boolean()), {
      maxLength: 6,
      selector: ([number]) => number,
    })
    .map((drawn) =>
      drawn.map(([number, index, size, hasPolicy]) => {
        const { nameAlg, attributes } = index.publicArea;
        const isOrderly = TPMA_NV.has(attributes, "ORDERLY");
        const drawnSize = isOrderly ? size % MAX_ORDERLY_SIZE : size;
        const dataSize = NUMBERS.includes(TPMA_NV.get(attributes, "TPM_NT")) ? 8 : drawnSize;
        const authPolicy = new Uint8Array(hasPolicy ? digestSizeOf(nameAlg) : 0).fill(number);
        const publicArea = { ...index.publicArea, nvIndex: NV_FIRST + number, authPolicy, dataSize };
        return [NV_FIRST + number, { ...index, publicArea, data: new Uint8Array(isOrderly ? 0 : dataSize).fill(size) }];
      }),
    );

/** Parts of OBJECT_ATTRIBUTES that say which hierarchy an object belongs to; one of none is in that of TPM_RH_NULL. */
const HIERARCHIES: readonly (readonly [number, Parameters<typeof OBJECT_ATTRIBUTES.of>[0]])[] = [
  [TPM_RH.OWNER, { spsHierarchy: true }],
  [TPM_RH.ENDORSEMENT, { epsHierarchy: true }],
  [TPM_RH.PLATFORM, { ppsHierarchy: true }],
  [TPM_RH.NULL, {}],
];
const NO_HIERARCHY = { spsHierarchy: false, epsHierarchy: false, ppsHierarchy: false };
const NO_SEQUENCE = { hmacSeq: false, hashSeq: false, eventSeq: false };

/** Objects, of RSA keys the public part: what is private of them has to divide it. */
const objectOf = (profile: Profile, evict: boolean): fc.Arbitrary<OBJECT> =>
  fc
    .tuple(arbitrary(OBJECT, profile), bytesOf(MAX_DIGEST), bytesOf(MAX_DIGEST), fc.constantFrom(...HIERARCHIES), level)
    .map(([object, auth, digest, [hierarchy, inHierarchy], seedCompatLevel]) => {
      const { type, nameAlg } = object.publicArea;
      const isWhole = type !== TPM_ALG.RSA && object.sensitive?.sensitiveType === type;
      const isNamed = nameAlg !== TPM_ALG.NULL;
      const name = isNamed ? concatBytes(encode(UINT16, nameAlg), digest.slice(0, digestSizeOf(nameAlg))) : EMPTY;
      // The authValue is kept as long as a digest of the Name.
      const authValue = isNamed ? auth.slice(0, digestSizeOf(nameAlg)) : auth;
      return {
        ...object,
        attributes: OBJECT_ATTRIBUTES.with(object.attributes, {
          ...NO_HIERARCHY,
          ...NO_SEQUENCE,
          ...inHierarchy,
          evict,
        }),
        sensitive: isWhole && object.sensitive !== undefined ? { ...object.sensitive, authValue } : undefined,
        name,
        qualifiedName: name,
        hierarchy,
        seedCompatLevel,
      };
    });

const CHAINING_SIZES = new Map<number, number>([
  [TPM_ALG.SHA1, 20],
  [TPM_ALG.SHA256, 32],
  [TPM_ALG.SHA384, 64],
  [TPM_ALG.SHA512, 64],
]);
const blockSizeOf = (hashAlg: number): number => (CHAINING_SIZES.get(hashAlg) === 64 ? 128 : 64);

/** A hash that has taken whole blocks, and a part of one. */
const runningHash = (hashAlg: number): fc.Arbitrary<HASH_STATE> =>
  fc
    .tuple(
      bytesOf(CHAINING_SIZES.get(hashAlg) ?? 0),
      fc.nat(0x10_0000),
      fc.uint8Array({ maxLength: blockSizeOf(hashAlg) - 1 }),
    )
    .map(([chaining, blocks, pending]) => {
      const length = BigInt(blocks) * BigInt(blockSizeOf(hashAlg)) + BigInt(pending.length);
      return { hashAlg, chaining, length, pending };
    });

/** A hash, event or HMAC sequence. */
const sequence: fc.Arbitrary<SEQUENCE_SLOT> = fc
  .tuple(
    fc.constantFrom("hashSeq", "eventSeq", "hmacSeq"),
    fc.constantFrom(...BANKS).chain(runningHash),
    fc.tuple(...BANKS.map(runningHash)),
    fc.uint8Array({ maxLength: 32 }),
    bytesOf(128),
  )
  .map(([kind, hash, all, auth, key]) => ({
    kind: SLOT.SEQUENCE,
    attributes: OBJECT_ATTRIBUTES.of({ [kind]: true, temporary: true }),
    auth,
    hashes: kind === "eventSeq" ? all : [hash],
    hmacKey: kind === "hmacSeq" ? key.slice(0, blockSizeOf(hash.hashAlg)) : EMPTY,
    mac: EMPTY,
  }));

/** A permanent state as the schemas have it, of which the parts go together. */
export const arbitraryNvState = (profile: Profile): fc.Arbitrary<NvState> =>
  fc
    .tuple(
      persistentOf(profile),
      arbitrary(ORDERLY_DATA, profile),
      stateReset(profile),
      stateClear(profile),
      indicesOf(profile),
      fc.uniqueArray(fc.tuple(fc.nat(0xffff), objectOf(profile, true)), {
        maxLength: 3,
        selector: ([number]) => number,
      }),
    )
    .map(([persistent, orderly, reset, clear, drawn, objects]) => {
      const isSaved = persistent.orderlyState < ORDERLY.DA_USED && persistent.orderlyState % 2 === TPM_SU.STATE;
      const indices = new Map(drawn);
      return {
        profile,
        persistent,
        orderly,
        orderlyIndices: orderlyDataOf(indices),
        stateReset: isSaved ? reset : undefined,
        stateClear: isSaved ? clear : undefined,
        extension: undefined,
        indices,
        objects: new Map(objects.map(([number, object]) => [PERSISTENT_FIRST + number, object])),
      };
    });

const orderlyDataOf = (indices: NvState["indices"]): NvState["orderlyIndices"] =>
  new Map(
    [...indices]
      .filter(([, { publicArea }]) => TPMA_NV.has(publicArea.attributes, "ORDERLY"))
      .map(([handle, { publicArea }]) => [
        handle,
        { attributes: publicArea.attributes, data: new Uint8Array(publicArea.dataSize).fill(handle % 256) },
      ]),
  );

/** Transient objects and sequences by handle, in any of the slots. */
const transientObjects = (profile: Profile): fc.Arbitrary<RAM_STATE["objects"]> => {
  const key = objectOf(profile, false).map((object): ANY_OBJECT => ({ kind: SLOT.KEY, ...object }));
  const slot: fc.Arbitrary<ANY_OBJECT | undefined> = fc.oneof(key, sequence, fc.constant(undefined));
  return fc.tuple(slot, slot, slot).map((slots) => {
    const objects = new Map<number, ANY_OBJECT>();
    for (const [i, object] of slots.entries()) if (object !== undefined) objects.set(TRANSIENT_FIRST + i, object);
    return objects;
  });
};

const sessionsOf = (profile: Profile): fc.Arbitrary<RAM_STATE["sessions"]> => {
  const session = narrowed(arbitrary(SESSION, profile), {
    authHashAlg: fc.constantFrom(...BANKS),
    tiedTo: fc.uint8Array({ maxLength: 66 }),
  });
  return fc
    .tuple(...SLOTS.map(() => fc.option(session)))
    .map((slots) => new Map(slots.flatMap((loaded, i) => (loaded === null ? [] : [[i, loaded] as const]))));
};

/** The state of a TPM that runs, beside its permanent state; the platform's clock says `nowMs`. */
export const arbitraryState = (profile: Profile, nowMs: number): fc.Arbitrary<TpmState> =>
  fc
    .tuple(
      arbitraryNvState(profile),
      narrowed(arbitrary(RAM_STATE, profile), {
        timerLast: fc.nat(nowMs).map(BigInt),
        clockRate: fc.integer({ min: 25_000, max: 35_000 }),
        stateReset: stateReset(profile),
        stateClear: stateClear(profile),
        pcrs: banksOf(PCRS),
        objects: transientObjects(profile),
        sessions: sessionsOf(profile),
        exclusiveAuditSession: fc.constantFrom(TPM_RH.UNASSIGNED, 0x0200_0000, 0x0300_0002),
      }),
    )
    .map(([nv, drawn]) => {
      const { sessions, objects } = drawn;
      const sequences = [...objects].filter(([, { kind }]) => kind === SLOT.SEQUENCE).map(([handle]) => handle);
      // Each loaded session has an entry that names its slot, the first one the first.
      const loaded = [...sessions.keys()].map((slot) => slot + 1);
      const contextArray = drawn.stateReset.contextArray.map((entry, i) => loaded[i] ?? entry);
      const ram: RAM_STATE = {
        ...drawn,
        orderlyIndices: orderlyDataOf(nv.indices),
        stateReset: { ...drawn.stateReset, contextArray },
        pcrAllocated: drawn.started === 1 ? nv.persistent.pcrInUse : nv.persistent.pcrAllocated,
        drtmHandle: sequences[0] ?? TPM_RH.UNASSIGNED,
        untested: allUntested(profile),
        extension: NO_EXTENSION,
        imageForm: EMPTY,
      };
      return { nv, ram };
    });

import { type Bytes, type Codec, list, type Rules, struct } from "@vtpm/wire";
import { TPM_CC } from "./spec/command-codes.ts";
import { TPM_ALG, TPM_ECC_CURVE } from "./spec/constants.ts";
import type { LimitName, RuleSet } from "./spec/limits.ts";
import { TPM_PT } from "./spec/properties.ts";
import { TPMS_TAGGED_PROPERTY } from "./spec/structures/base-structures.ts";
import { tpm2b } from "./spec/structures/declare.ts";
import type { TPMI_ALG_HASH } from "./spec/structures/interface-types.ts";

/** A value for every limit. */
export type Limits = Readonly<Record<LimitName, number>>;

/** The sets of key sizes, in bits, that go with an algorithm. */
export type KeySizeSet = Extract<RuleSet, `${string}_KEY_BITS`>;

/** What a profile is made of. */
export interface ProfileParts {
  /** The name that stands in the state: null, default-v1, default-v2, custom or custom:NAME. */
  readonly name: string;
  readonly description: string;
  /** Which generation of libtpms can read the state, and what may be in it: RSA-4096 needs 8, for instance. */
  readonly stateFormatLevel: number;
  /** Algorithms with their TPMA_ALGORITHM, in the order of TPM_CAP_ALGS. */
  readonly algorithms: ReadonlyMap<number, number>;
  /** The algorithms as libtpms' configuration names them: the state holds this text. */
  readonly algorithmList: string;
  /** Commands with their TPMA_CC, in the order of TPM_CAP_COMMANDS. */
  readonly commands: ReadonlyMap<number, number>;
  readonly curves: readonly number[];
  readonly keySizes: Readonly<Record<KeySizeSet, readonly number[]>>;
  /** The hash algorithms that PCR banks can have, in the order of TPM_CAP_PCRS. */
  readonly pcrBanks: readonly TPMI_ALG_HASH[];
  readonly limits: Limits;
  /** The fixed properties, in the order of TPM_CAP_TPM_PROPERTIES. */
  readonly properties: ReadonlyMap<number, number>;
}

/**
 * Which commands, algorithms and sizes a TPM has, and who it says it is. Immutable; fixed at manufacture and part of the
 * state. Others are made with `deriveProfile`.
 */
export interface Profile extends ProfileParts, Rules {
  /** What libtpms writes into its state. */
  readonly json: string;
  limit(name: LimitName): number;
  allows(set: RuleSet, value: number): boolean;
}

/** @spec Part 2, "TPMA_ALGORITHM" */
const ALGORITHMS: ReadonlyMap<number, number> = new Map([
  [TPM_ALG.RSA, 0x009],
  [TPM_ALG.TDES, 0x002],
  [TPM_ALG.SHA1, 0x004],
  [TPM_ALG.HMAC, 0x104],
  [TPM_ALG.AES, 0x002],
  [TPM_ALG.MGF1, 0x404],
  [TPM_ALG.KEYEDHASH, 0x30c],
  [TPM_ALG.XOR, 0x006],
  [TPM_ALG.SHA256, 0x004],
  [TPM_ALG.SHA384, 0x004],
  [TPM_ALG.SHA512, 0x004],
  [TPM_ALG.RSASSA, 0x101],
  [TPM_ALG.RSAES, 0x201],
  [TPM_ALG.RSAPSS, 0x101],
  [TPM_ALG.OAEP, 0x201],
  [TPM_ALG.ECDSA, 0x101],
  [TPM_ALG.ECDH, 0x401],
  [TPM_ALG.ECDAA, 0x101],
  [TPM_ALG.SM2, 0x501],
  [TPM_ALG.ECSCHNORR, 0x101],
  [TPM_ALG.ECMQV, 0x401],
  [TPM_ALG.KDF1_SP800_56A, 0x404],
  [TPM_ALG.KDF2, 0x404],
  [TPM_ALG.KDF1_SP800_108, 0x404],
  [TPM_ALG.ECC, 0x009],
  [TPM_ALG.SYMCIPHER, 0x008],
  [TPM_ALG.CAMELLIA, 0x002],
  [TPM_ALG.CMAC, 0x102],
  [TPM_ALG.CTR, 0x202],
  [TPM_ALG.OFB, 0x202],
  [TPM_ALG.CBC, 0x202],
  [TPM_ALG.CFB, 0x202],
  [TPM_ALG.ECB, 0x202],
]);

/** The library's commands as libtpms reports them; `nv` is set where the reference may have to write NV. */
const COMMANDS: ReadonlyMap<number, number> = new Map([
  [TPM_CC.NV_UndefineSpaceSpecial, 0x0440011f],
  [TPM_CC.EvictControl, 0x04400120],
  [TPM_CC.HierarchyControl, 0x02c00121],
  [TPM_CC.NV_UndefineSpace, 0x04400122],
  [TPM_CC.ChangeEPS, 0x02c00124],
  [TPM_CC.ChangePPS, 0x02c00125],
  [TPM_CC.Clear, 0x02c00126],
  [TPM_CC.ClearControl, 0x02400127],
  [TPM_CC.ClockSet, 0x02400128],
  [TPM_CC.HierarchyChangeAuth, 0x02400129],
  [TPM_CC.NV_DefineSpace, 0x0240012a],
  [TPM_CC.PCR_Allocate, 0x0240012b],
  [TPM_CC.PCR_SetAuthPolicy, 0x0240012c],
  [TPM_CC.PP_Commands, 0x0240012d],
  [TPM_CC.SetPrimaryPolicy, 0x0240012e],
  [TPM_CC.ClockRateAdjust, 0x02000130],
  [TPM_CC.CreatePrimary, 0x12000131],
  [TPM_CC.NV_GlobalWriteLock, 0x02400132],
  [TPM_CC.GetCommandAuditDigest, 0x04400133],
  [TPM_CC.NV_Increment, 0x04400134],
  [TPM_CC.NV_SetBits, 0x04400135],
  [TPM_CC.NV_Extend, 0x04400136],
  [TPM_CC.NV_Write, 0x04400137],
  [TPM_CC.NV_WriteLock, 0x04400138],
  [TPM_CC.DictionaryAttackLockReset, 0x02400139],
  [TPM_CC.DictionaryAttackParameters, 0x0240013a],
  [TPM_CC.NV_ChangeAuth, 0x0240013b],
  [TPM_CC.PCR_Event, 0x0240013c],
  [TPM_CC.PCR_Reset, 0x0240013d],
  [TPM_CC.SequenceComplete, 0x0300013e],
  [TPM_CC.SetAlgorithmSet, 0x0240013f],
  [TPM_CC.SetCommandCodeAuditStatus, 0x02400140],
  [TPM_CC.IncrementalSelfTest, 0x00400142],
  [TPM_CC.SelfTest, 0x00400143],
  [TPM_CC.Startup, 0x00400144],
  [TPM_CC.Shutdown, 0x00400145],
  [TPM_CC.StirRandom, 0x00400146],
  [TPM_CC.ActivateCredential, 0x04000147],
  [TPM_CC.Certify, 0x04000148],
  [TPM_CC.PolicyNV, 0x06000149],
  [TPM_CC.CertifyCreation, 0x0400014a],
  [TPM_CC.Duplicate, 0x0400014b],
  [TPM_CC.GetTime, 0x0400014c],
  [TPM_CC.GetSessionAuditDigest, 0x0600014d],
  [TPM_CC.NV_Read, 0x0400014e],
  [TPM_CC.NV_ReadLock, 0x0440014f],
  [TPM_CC.ObjectChangeAuth, 0x04000150],
  [TPM_CC.PolicySecret, 0x04000151],
  [TPM_CC.Rewrap, 0x04000152],
  [TPM_CC.Create, 0x02000153],
  [TPM_CC.ECDH_ZGen, 0x02000154],
  [TPM_CC.HMAC, 0x02000155],
  [TPM_CC.Import, 0x02000156],
  [TPM_CC.Load, 0x12000157],
  [TPM_CC.Quote, 0x02000158],
  [TPM_CC.RSA_Decrypt, 0x02000159],
  [TPM_CC.HMAC_Start, 0x1200015b],
  [TPM_CC.SequenceUpdate, 0x0200015c],
  [TPM_CC.Sign, 0x0200015d],
  [TPM_CC.Unseal, 0x0200015e],
  [TPM_CC.PolicySigned, 0x04000160],
  [TPM_CC.ContextLoad, 0x10000161],
  [TPM_CC.ContextSave, 0x02000162],
  [TPM_CC.ECDH_KeyGen, 0x02000163],
  [TPM_CC.EncryptDecrypt, 0x02000164],
  [TPM_CC.FlushContext, 0x00000165],
  [TPM_CC.LoadExternal, 0x10000167],
  [TPM_CC.MakeCredential, 0x02000168],
  [TPM_CC.NV_ReadPublic, 0x02000169],
  [TPM_CC.PolicyAuthorize, 0x0200016a],
  [TPM_CC.PolicyAuthValue, 0x0200016b],
  [TPM_CC.PolicyCommandCode, 0x0200016c],
  [TPM_CC.PolicyCounterTimer, 0x0200016d],
  [TPM_CC.PolicyCpHash, 0x0200016e],
  [TPM_CC.PolicyLocality, 0x0200016f],
  [TPM_CC.PolicyNameHash, 0x02000170],
  [TPM_CC.PolicyOR, 0x02000171],
  [TPM_CC.PolicyTicket, 0x02000172],
  [TPM_CC.ReadPublic, 0x02000173],
  [TPM_CC.RSA_Encrypt, 0x02000174],
  [TPM_CC.StartAuthSession, 0x14000176],
  [TPM_CC.VerifySignature, 0x02000177],
  [TPM_CC.ECC_Parameters, 0x00000178],
  [TPM_CC.GetCapability, 0x0000017a],
  [TPM_CC.GetRandom, 0x0000017b],
  [TPM_CC.GetTestResult, 0x0000017c],
  [TPM_CC.Hash, 0x0000017d],
  [TPM_CC.PCR_Read, 0x0000017e],
  [TPM_CC.PolicyPCR, 0x0200017f],
  [TPM_CC.PolicyRestart, 0x02000180],
  [TPM_CC.ReadClock, 0x00000181],
  [TPM_CC.PCR_Extend, 0x02400182],
  [TPM_CC.PCR_SetAuthValue, 0x02000183],
  [TPM_CC.NV_Certify, 0x06000184],
  [TPM_CC.EventSequenceComplete, 0x05400185],
  [TPM_CC.HashSequenceStart, 0x10000186],
  [TPM_CC.PolicyPhysicalPresence, 0x02000187],
  [TPM_CC.PolicyDuplicationSelect, 0x02000188],
  [TPM_CC.PolicyGetDigest, 0x02000189],
  [TPM_CC.TestParms, 0x0000018a],
  [TPM_CC.Commit, 0x0200018b],
  [TPM_CC.PolicyPassword, 0x0200018c],
  [TPM_CC.ZGen_2Phase, 0x0200018d],
  [TPM_CC.EC_Ephemeral, 0x0000018e],
  [TPM_CC.PolicyNvWritten, 0x0200018f],
  [TPM_CC.PolicyTemplate, 0x02000190],
  [TPM_CC.CreateLoaded, 0x12000191],
  [TPM_CC.PolicyAuthorizeNV, 0x06000192],
  [TPM_CC.EncryptDecrypt2, 0x02000193],
  [TPM_CC.CertifyX509, 0x04000197],
  [TPM_CC.ECC_Encrypt, 0x02000199],
  [TPM_CC.ECC_Decrypt, 0x0200019a],
  [TPM_CC.PolicyCapability, 0x0200019b],
  [TPM_CC.PolicyParameters, 0x0200019c],
]);

/** What TPM2_GetCapability answers under PT_FIXED. The first eleven and the firmware values say who made the TPM. */
const PROPERTIES: ReadonlyMap<number, number> = new Map([
  [TPM_PT.FAMILY_INDICATOR, 0x322e3000], // "2.0"
  [TPM_PT.LEVEL, 0],
  [TPM_PT.REVISION, 183],
  [TPM_PT.DAY_OF_YEAR, 25],
  [TPM_PT.YEAR, 2024],
  [TPM_PT.MANUFACTURER, 0x49424d00], // "IBM"
  [TPM_PT.VENDOR_STRING_1, 0x53572020], // "SW  "
  [TPM_PT.VENDOR_STRING_2, 0x2054504d], // " TPM"
  [TPM_PT.VENDOR_STRING_3, 0],
  [TPM_PT.VENDOR_STRING_4, 0],
  [TPM_PT.VENDOR_TPM_TYPE, 1],
  [TPM_PT.FIRMWARE_VERSION_1, 0x20240125],
  [TPM_PT.FIRMWARE_VERSION_2, 0x00120000],
  [TPM_PT.INPUT_BUFFER, 1024],
  [TPM_PT.HR_TRANSIENT_MIN, 3],
  [TPM_PT.HR_PERSISTENT_MIN, 7],
  [TPM_PT.HR_LOADED_MIN, 3],
  [TPM_PT.ACTIVE_SESSIONS_MAX, 64],
  [TPM_PT.PCR_COUNT, 24],
  [TPM_PT.PCR_SELECT_MIN, 3],
  [TPM_PT.CONTEXT_GAP_MAX, 0xffff],
  [TPM_PT.NV_COUNTERS_MAX, 0],
  [TPM_PT.NV_INDEX_MAX, 2048],
  [TPM_PT.MEMORY, 6],
  [TPM_PT.CLOCK_UPDATE, 4096],
  [TPM_PT.CONTEXT_HASH, TPM_ALG.SHA512],
  [TPM_PT.CONTEXT_SYM, TPM_ALG.AES],
  [TPM_PT.CONTEXT_SYM_SIZE, 256],
  [TPM_PT.ORDERLY_COUNT, 255],
  [TPM_PT.MAX_COMMAND_SIZE, 4096],
  [TPM_PT.MAX_RESPONSE_SIZE, 4096],
  [TPM_PT.MAX_DIGEST, 64],
  [TPM_PT.MAX_OBJECT_CONTEXT, 3404],
  [TPM_PT.MAX_SESSION_CONTEXT, 404],
  [TPM_PT.PS_FAMILY_INDICATOR, 1],
  [TPM_PT.PS_LEVEL, 0],
  [TPM_PT.PS_REVISION, 262],
  [TPM_PT.PS_DAY_OF_YEAR, 25],
  [TPM_PT.PS_YEAR, 2024],
  [TPM_PT.SPLIT_MAX, 128],
  [TPM_PT.TOTAL_COMMANDS, 114],
  [TPM_PT.LIBRARY_COMMANDS, 114],
  [TPM_PT.VENDOR_COMMANDS, 0],
  [TPM_PT.NV_BUFFER_MAX, 1024],
  [TPM_PT.MODES, 0],
  [TPM_PT.MAX_CAP_BUFFER, 1024],
  [TPM_PT.FIRMWARE_SVN, 10],
  [TPM_PT.FIRMWARE_MAX_SVN, 255],
]);

const CURVES = [
  TPM_ECC_CURVE.NIST_P192,
  TPM_ECC_CURVE.NIST_P224,
  TPM_ECC_CURVE.NIST_P256,
  TPM_ECC_CURVE.NIST_P384,
  TPM_ECC_CURVE.NIST_P521,
  TPM_ECC_CURVE.BN_P256,
  TPM_ECC_CURVE.BN_P638,
  TPM_ECC_CURVE.SM2_P256,
] as const;

/** The limits of libtpms; those of structures are what its compiler makes of them on a 64-bit machine. */
const LIMITS: Limits = {
  IMPLEMENTATION_PCR: 24,
  PCR_SELECT_MIN: 3,
  PCR_SELECT_MAX: 3,
  HASH_COUNT: 4,
  NUM_LOCALITIES: 5,
  MAX_HANDLE_NUM: 3,
  MAX_SESSION_NUM: 3,
  MAX_ACTIVE_SESSIONS: 64,
  MAX_LOADED_SESSIONS: 3,
  MAX_LOADED_OBJECTS: 3,
  MIN_EVICT_OBJECTS: 7,
  MIN_COUNTER_INDICES: 8,
  CONTEXT_GAP_MAX: 0xffff,
  NV_MEMORY_SIZE: 176832,
  RAM_INDEX_SPACE: 512,
  EXTERNAL_NV_HANDLES: 0,
  PERMANENT_NV_HANDLES: 0,
  MAX_DIGEST_SIZE: 64,
  MAX_RSA_KEY_BYTES: 512, // whether or not the profile has RSA-4096
  RSA_PRIVATE_SIZE: 1280,
  MAX_ECC_KEY_BYTES: 80,
  MAX_SYM_KEY_BYTES: 32,
  MAX_SYM_BLOCK_SIZE: 16,
  MAX_SYM_DATA: 128,
  LABEL_MAX_BUFFER: 32,
  PRIMARY_SEED_SIZE: 64,
  PROOF_SIZE: 64,
  MAX_RNG_ENTROPY_SIZE: 64,
  MAX_COMMAND_SIZE: 4096,
  MAX_RESPONSE_SIZE: 4096,
  MAX_DIGEST_BUFFER: 1024,
  MAX_NV_BUFFER_SIZE: 1024,
  MAX_NV_INDEX_SIZE: 2048,
  MAX_CAP_BUFFER: 1024,
  MAX_VENDOR_BUFFER_SIZE: 1024,
  MAX_CONTEXT_SIZE: 2680,
  MAX_CONTEXT_DATA_SIZE: 2748,
  MAX_OBJECT_CONTEXT: 3404,
  MAX_NAME_SIZE: 68, // two more than a Name can take: a C union is padded to its alignment
  MAX_DATA_SIZE: 66,
  MAX_EVENT_SIZE: 1024,
  MAX_ATTEST_SIZE: 1280,
  MAX_ENCRYPTED_SECRET_SIZE: 512,
  MAX_TEMPLATE_SIZE: 612,
  MAX_PRIVATE_SIZE: 1550,
  MAX_ID_OBJECT_SIZE: 132,
  MAX_ALG_LIST_SIZE: 64,
  MAX_CAP_ALGS: 127,
  MAX_CAP_HANDLES: 254,
  MAX_CAP_CC: 254,
  MAX_TPM_PROPERTIES: 127,
  MAX_PCR_PROPERTIES: 127,
  MAX_ECC_CURVES: 508,
  MAX_TAGGED_POLICIES: 14,
  MAX_ACT_DATA: 84,
  MAX_AC_CAPABILITIES: 127,
  MAX_PUB_KEYS: 1,
  MAX_SPDM_SESS_INFO: 7,
  MAX_VENDOR_PROPERTY: 1,
};

/** Codes as libtpms' configuration lists them: `0x11f-0x122,0x124`. */
function formatRanges(codes: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const code of codes) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === code - 1) range[1] = code;
    else ranges.push([code, code]);
  }
  const hex = (code: number): string => `0x${code.toString(16)}`;
  return ranges.map(([first, last]) => (first === last ? hex(first) : `${hex(first)}-${hex(last)}`)).join(",");
}

/** Makes a profile of its parts. The properties that count commands follow from them. */
export function createProfile(parts: ProfileParts): Profile {
  const properties = new Map(parts.properties);
  properties.set(TPM_PT.TOTAL_COMMANDS, parts.commands.size);
  properties.set(TPM_PT.LIBRARY_COMMANDS, parts.commands.size);
  const sets: Readonly<Record<RuleSet, ReadonlySet<number>>> = {
    ALG: new Set([...parts.algorithms.keys(), TPM_ALG.NULL]),
    ECC_CURVE: new Set([...parts.curves, TPM_ECC_CURVE.NONE]),
    CC: new Set(parts.commands.keys()),
    RSA_KEY_BITS: new Set(parts.keySizes.RSA_KEY_BITS),
    AES_KEY_BITS: new Set(parts.keySizes.AES_KEY_BITS),
    SM4_KEY_BITS: new Set(parts.keySizes.SM4_KEY_BITS),
    CAMELLIA_KEY_BITS: new Set(parts.keySizes.CAMELLIA_KEY_BITS),
    TDES_KEY_BITS: new Set(parts.keySizes.TDES_KEY_BITS),
  };
  const json =
    `{"Name":"${parts.name}","StateFormatLevel":${parts.stateFormatLevel},` +
    `"Commands":"${formatRanges(parts.commands.keys())}","Algorithms":"${parts.algorithmList}",` +
    `"Description":"${parts.description}"}`;
  return {
    ...parts,
    properties,
    json,
    limit(name) {
      const limit: number | undefined = parts.limits[name];
      if (limit === undefined) throw new RangeError(`no limit is called ${name}`);
      return limit;
    },
    allows(set, value) {
      const values: ReadonlySet<number> | undefined = sets[set];
      if (values === undefined) throw new RangeError(`no set is called ${set}`);
      return values.has(value);
    },
  };
}

/** A profile that differs from another in the given parts. */
export function deriveProfile(base: ProfileParts, changes: Partial<ProfileParts>): Profile {
  return createProfile({ ...base, ...changes });
}

/** The same TPM under another vendor's name: replaces fixed properties, such as TPM_PT.MANUFACTURER. */
export function withProperties(base: Profile, properties: Iterable<readonly [TPM_PT, number]>): Profile {
  return deriveProfile(base, { properties: new Map([...base.properties, ...properties]) });
}

/** libtpms 0.10: the profile of that name, answer for answer. */
export const DEFAULT_V1: Profile = createProfile({
  name: "default-v1",
  description:
    "This profile enables all libtpms v0.10-supported commands and " +
    "algorithms. This profile is compatible with libtpms >= v0.10.",
  stateFormatLevel: 7,
  algorithms: ALGORITHMS,
  algorithmList:
    "rsa,rsa-min-size=1024,tdes,tdes-min-size=128,sha1,hmac,aes,aes-min-size=128,mgf1,keyedhash,xor,sha256,sha384," +
    "sha512,null,rsassa,rsaes,rsapss,oaep,ecdsa,ecdh,ecdaa,sm2,ecschnorr,ecmqv,kdf1-sp800-56a,kdf2,kdf1-sp800-108," +
    "ecc,ecc-min-size=192,ecc-nist,ecc-bn,ecc-sm2-p256,symcipher,camellia,camellia-min-size=128,cmac,ctr,ofb,cbc," +
    "cfb,ecb",
  commands: COMMANDS,
  curves: CURVES,
  keySizes: {
    RSA_KEY_BITS: [1024, 2048, 3072],
    AES_KEY_BITS: [128, 192, 256],
    SM4_KEY_BITS: [],
    CAMELLIA_KEY_BITS: [128, 192, 256],
    TDES_KEY_BITS: [128, 192],
  },
  pcrBanks: [TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384, TPM_ALG.SHA512],
  limits: LIMITS,
  properties: PROPERTIES,
});

/** libtpms 0.11: as before, and RSA-4096. */
export const DEFAULT_V2: Profile = deriveProfile(DEFAULT_V1, {
  name: "default-v2",
  description:
    "This profile enables all libtpms v0.11-supported commands and " +
    "algorithms. This profile is compatible with libtpms >= v0.11.",
  stateFormatLevel: 8,
  keySizes: { ...DEFAULT_V1.keySizes, RSA_KEY_BITS: [1024, 2048, 3072, 4096] },
});

/** The commands that came after libtpms 0.9. */
const SINCE_V1: readonly number[] = [
  TPM_CC.ECC_Encrypt,
  TPM_CC.ECC_Decrypt,
  TPM_CC.PolicyCapability,
  TPM_CC.PolicyParameters,
];

/** libtpms 0.9: what a state without a profile has. */
export const NULL_PROFILE: Profile = deriveProfile(DEFAULT_V1, {
  name: "null",
  description:
    "The profile enables the commands and algorithms that were " +
    "enabled in libtpms v0.9. This profile is automatically used " +
    "when the state does not have a profile, for example when it was " +
    "created by libtpms v0.9 or before. This profile enables compatibility " +
    "with libtpms >= v0.9.",
  stateFormatLevel: 1,
  commands: new Map([...COMMANDS].filter(([code]) => !SINCE_V1.includes(code))),
  keySizes: { ...DEFAULT_V1.keySizes, AES_KEY_BITS: [128, 256], CAMELLIA_KEY_BITS: [128, 256] },
});

/** The profiles that are known by name. */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(
  [NULL_PROFILE, DEFAULT_V1, DEFAULT_V2].map((profile) => [profile.name, profile]),
);

const asciiBytes = (text: string): Bytes => Uint8Array.from(text, (character) => character.charCodeAt(0));
const bytesToAscii = (bytes: Bytes): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

const STORED_PROFILE = struct("profile", {
  json: tpm2b("json", 0xffff),
  properties: list("properties", TPMS_TAGGED_PROPERTY, { max: 0xffff }),
});

/**
 * A profile as a section of the state: libtpms' text, and the fixed properties that are not those of the profile of
 * that name.
 */
export const PROFILE_FORMAT: Codec<Profile> = {
  name: "profile",
  shape: STORED_PROFILE.shape,
  read(reader) {
    const start = reader.offset;
    const { json, properties } = STORED_PROFILE.read(reader);
    const text = bytesToAscii(json);
    const known = [...PROFILES.values()].find((profile) => profile.json === text);
    if (known === undefined) throw reader.refuse("VALUE", `unknown profile ${text.slice(0, 80)}`, start);
    if (properties.length === 0) return known;
    return deriveProfile(known, {
      properties: new Map([...known.properties, ...properties.map((p) => [p.property, p.value] as const)]),
    });
  },
  write(writer, profile) {
    const usual = PROFILES.get(profile.name)?.properties;
    const properties = [...profile.properties]
      .filter(([property, value]) => usual?.get(property) !== value)
      .map(([property, value]) => ({ property, value }));
    STORED_PROFILE.write(writer, { json: asciiBytes(profile.json), properties });
  },
  text: (profile) => profile.name,
};

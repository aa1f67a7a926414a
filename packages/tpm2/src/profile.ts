import { type Bytes, type Codec, list, type Rules, struct } from "@vtpm/wire";
import { type AlgorithmChoice, readAlgorithms } from "./profile/algorithm-list.ts";
import { ALGORITHMS, KNOWN_CURVES } from "./profile/algorithms.ts";
import { type ProfileAttribute, readAttributes } from "./profile/attributes.ts";
import { codesOf, formatRanges, readCommands } from "./profile/command-list.ts";
import { COMMANDS } from "./profile/commands.ts";
import { type ProfileConfiguration, readConfiguration, writeConfiguration } from "./profile/configuration.ts";
import { LATEST_COMMANDS, LATEST_LEVEL, LATEST_TOKENS, latestParts } from "./profile/latest.ts";
import { LIMITS, type Limits } from "./profile/limits.ts";
import { ProfileError } from "./profile/profile-error.ts";
import { PROPERTIES } from "./profile/properties.ts";
import { TPM_ALG, TPM_ECC_CURVE } from "./spec/constants.ts";
import type { LimitName, RuleSet } from "./spec/limits.ts";
import { TPM_PT } from "./spec/properties.ts";
import { TPMS_TAGGED_PROPERTY } from "./spec/structures/base-structures.ts";
import { tpm2b } from "./spec/structures/declare.ts";
import type { TPMI_ALG_HASH } from "./spec/structures/interface-types.ts";

/** The sets of key sizes, in bits, that go with an algorithm. */
export type KeySizeSet = Extract<RuleSet, `${string}_KEY_BITS`>;

/** What a profile is made of. */
export interface ProfileParts {
  /** The name that stands in the state: null, default-v1, default-v2, custom or custom:NAME. */
  readonly name: string;
  readonly description: string;
  /** Which generation of libtpms can read the state, and what may be in it: RSA-4096 needs 8, for instance. */
  readonly stateFormatLevel: number;
  /** The lists behind the parts below as they are written down: the state holds these texts. */
  readonly lists: Pick<ProfileConfiguration, "commands" | "algorithms" | "attributes">;
  /** Algorithms with their TPMA_ALGORITHM, in the order of TPM_CAP_ALGS. */
  readonly algorithms: ReadonlyMap<number, number>;
  /** Commands with their TPMA_CC, in the order of TPM_CAP_COMMANDS. */
  readonly commands: ReadonlyMap<number, number>;
  readonly attributes: ReadonlySet<ProfileAttribute>;
  readonly curves: readonly number[];
  readonly keySizes: Readonly<Record<KeySizeSet, readonly number[]>>;
  /** Bits that a key has at least for an HMAC to be signed or verified with it. */
  readonly minHmacKeyBits: number;
  /**
   * The hash algorithms that PCR banks have. In libtpms all that it implements: a bank of an algorithm that the profile
   * lacks is kept and extended by events, but cannot be named and is not told of.
   */
  readonly pcrBanks: readonly TPMI_ALG_HASH[];
  /** Those of them that have no PCRs until TPM2_PCR_Allocate gives them some. */
  readonly emptyBanks: readonly TPMI_ALG_HASH[];
  readonly limits: Limits;
  /** The fixed properties, in the order of TPM_CAP_TPM_PROPERTIES. */
  readonly properties: ReadonlyMap<number, number>;
}

/**
 * Which commands, algorithms and sizes a TPM has, and who it says it is. Immutable; fixed at manufacture and part of the
 * state. Others are made with `parseProfile` or `deriveProfile`.
 */
export interface Profile extends ProfileParts, Rules {
  /** What libtpms writes into its state. */
  readonly json: string;
  limit(name: LimitName): number;
  allows(set: RuleSet, value: number): boolean;
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
  const { name, stateFormatLevel, lists, description } = parts;
  return {
    ...parts,
    properties,
    json: writeConfiguration({ name, stateFormatLevel, ...lists, description }),
    limit(limitName) {
      const limit: number | undefined = parts.limits[limitName];
      if (limit === undefined) throw new RangeError(`no limit is called ${limitName}`);
      return limit;
    },
    allows(set, value) {
      const values: ReadonlySet<number> | undefined = sets[set];
      if (values === undefined) throw new RangeError(`no set is called ${set}`);
      return values.has(value);
    },
  };
}

/**
 * The limits of a profile without its choice of algorithms: for reading states and responses, in which a TPM may name what
 * callers may not (the PCR banks of algorithms that the profile lacks, the hash that goes with a curve).
 */
export function limitsOf(profile: Profile): Rules {
  const rules: Rules = profile;
  return { limit: (name) => rules.limit(name), allows: () => true };
}

/** A profile that differs from another in the given parts. */
export function deriveProfile(base: ProfileParts, changes: Partial<ProfileParts>): Profile {
  return createProfile({ ...base, ...changes });
}

/** The same TPM under another vendor's name: replaces fixed properties, such as TPM_PT.MANUFACTURER. */
export function withProperties(base: Profile, properties: Iterable<readonly [TPM_PT, number]>): Profile {
  return deriveProfile(base, { properties: new Map([...base.properties, ...properties]) });
}

/** A profile as libtpms knows it by name; one with a level is fixed, the other is the frame of all that are not. */
interface NamedProfile {
  readonly name: string;
  readonly level?: number;
  readonly commands: string;
  readonly algorithms: string;
  readonly description: string;
}

const ALL_ALGORITHMS =
  "rsa,rsa-min-size=1024,tdes,tdes-min-size=128,sha1,hmac,aes,aes-min-size=128,mgf1,keyedhash,xor,sha256,sha384," +
  "sha512,null,rsassa,rsaes,rsapss,oaep,ecdsa,ecdh,ecdaa,sm2,ecschnorr,ecmqv,kdf1-sp800-56a,kdf2,kdf1-sp800-108," +
  "ecc,ecc-min-size=192,ecc-nist,ecc-bn,ecc-sm2-p256,symcipher,camellia,camellia-min-size=128,cmac,ctr,ofb,cbc," +
  "cfb,ecb";
const ALL_COMMANDS = formatRanges(COMMANDS.keys());
/** Without what came after libtpms 0.9. */
const FIRST_COMMANDS = formatRanges(readCommands(ALL_COMMANDS.split(","), 1, true).codes);

/** In libtpms' order. */
const NAMED: readonly NamedProfile[] = [
  {
    name: "default-v2",
    level: 8,
    commands: ALL_COMMANDS,
    algorithms: ALL_ALGORITHMS,
    description:
      "This profile enables all libtpms v0.11-supported commands and " +
      "algorithms. This profile is compatible with libtpms >= v0.11.",
  },
  {
    name: "default-v1",
    level: 7,
    commands: ALL_COMMANDS,
    algorithms: ALL_ALGORITHMS,
    description:
      "This profile enables all libtpms v0.10-supported commands and " +
      "algorithms. This profile is compatible with libtpms >= v0.10.",
  },
  {
    name: "null",
    level: 1,
    commands: FIRST_COMMANDS,
    algorithms: ALL_ALGORITHMS,
    description:
      "The profile enables the commands and algorithms that were " +
      "enabled in libtpms v0.9. This profile is automatically used " +
      "when the state does not have a profile, for example when it was " +
      "created by libtpms v0.9 or before. This profile enables compatibility " +
      "with libtpms >= v0.9.",
  },
  {
    name: "custom",
    commands: ALL_COMMANDS,
    algorithms: ALL_ALGORITHMS,
    description:
      "This profile allows customization of enabled algorithms and commands. " +
      "This profile requires at least libtpms v0.10.",
  },
];

/** Profiles that one has made oneself are called so, with a name of one's own behind it. */
const CUSTOM_PREFIX = "custom:";
/** The profile that goes beyond libtpms. */
const LATEST_NAME = "latest";
/** The first format that a profile is written in, and libtpms' last one. */
const FIRST_LEVEL = 2;
const LAST_LEVEL = 8;

/** The texts that libtpms lists as available profiles, in its order. */
export const AVAILABLE_PROFILES: readonly string[] = NAMED.map(
  ({ name, level = FIRST_LEVEL, commands, algorithms, description }) =>
    writeConfiguration({ name, stateFormatLevel: level, commands, algorithms, description }),
);

function namedProfile(name: string): NamedProfile {
  const found = NAMED.find((named) => named.name === (name.startsWith(CUSTOM_PREFIX) ? "custom" : name));
  if (found !== undefined) return found;
  const names = [...NAMED.map((named) => named.name), LATEST_NAME].join(", ");
  throw new ProfileError("NAME", name, `no profile is called "${name}"; there are ${names} and ${CUSTOM_PREFIX}…`);
}

/**
 * The profile that a caller asks for with a text such as `{"Name":"custom:small","Algorithms":"rsa,…"}`. Throws a
 * `ProfileError` that says what is wrong and what to write instead. A custom profile gets the oldest state format that has
 * all of it, if the text does not name one.
 */
export function parseProfile(text: string): Profile {
  const foreign = [...text].find((character) => character > "~");
  if (foreign !== undefined) {
    throw new ProfileError("SYNTAX", foreign, `a profile is plain ASCII; leave out "${foreign}"`);
  }
  const wanted = readConfiguration(text);
  if (wanted.name === LATEST_NAME) {
    refuseChanges(wanted);
    return LATEST;
  }
  const named = namedProfile(wanted.name);
  if (named.level !== undefined) {
    refuseChanges(wanted);
    return profileOf(named, wanted, named.level, named.level);
  }
  const given = wanted.stateFormatLevel || undefined;
  checkLevel(given);
  if (given !== undefined && given < FIRST_LEVEL) {
    throw new ProfileError(
      "LEVEL",
      "StateFormatLevel",
      `"StateFormatLevel" of "${wanted.name}" is at least ${FIRST_LEVEL}`,
    );
  }
  return profileOf(named, wanted, given ?? FIRST_LEVEL, given ?? LAST_LEVEL);
}

/** A level of 0 counts as none, as in libtpms. */
function refuseChanges({ name, stateFormatLevel, ...lists }: ProfileConfiguration): void {
  if (!stateFormatLevel && Object.values(lists).every((list) => list === undefined)) return;
  throw new ProfileError(
    "FIXED",
    name,
    `the profile "${name}" cannot be changed; give only its name, or make a "custom:…"`,
  );
}

/** The profile that a state was written with; its text is complete. */
export function profileOfState(text: string): Profile {
  const written = readConfiguration(text);
  const level = written.stateFormatLevel;
  if (level === undefined) throw new ProfileError("VALUE", "StateFormatLevel", 'the "StateFormatLevel" is missing');
  if (written.name === LATEST_NAME) return latestOfState(written, level);
  checkLevel(level);
  return profileOf(namedProfile(written.name), written, level, level);
}

/** Profile `latest` as it was when the state was made; what it has got since then is not in it. */
function latestOfState({ commands = "", algorithms = "" }: ProfileConfiguration, level: number): Profile {
  if (level !== LATEST_LEVEL) {
    throw new ProfileError("LEVEL", "StateFormatLevel", `a state of "latest" has format ${LATEST_LEVEL}, not ${level}`);
  }
  const isAdded = (token: string): boolean => LATEST_TOKENS.includes(token);
  const tokens = algorithms.split(",");
  const codes = [...codesOf(commands)];
  const base = {
    name: LATEST_NAME,
    commands: formatRanges(codes.filter((code) => !LATEST_COMMANDS.includes(code))),
    algorithms: tokens.filter((token) => !isAdded(token)).join(","),
  };
  return createProfile(
    latestParts(profileOf(namedProfile("default-v2"), base, LAST_LEVEL, LAST_LEVEL), {
      commands: codes,
      tokens: tokens.filter(isAdded),
    }),
  );
}

function checkLevel(level: number | undefined): void {
  if (level !== undefined && level > LAST_LEVEL) {
    throw new ProfileError("LEVEL", "StateFormatLevel", `"StateFormatLevel" is at most ${LAST_LEVEL}, not ${level}`);
  }
}

/** Puts a profile together; the format is the oldest from `level` on, and not above `maxLevel`, that has all of it. */
function profileOf(
  named: NamedProfile,
  { name, commands, algorithms, attributes, description }: ProfileConfiguration,
  level: number,
  maxLevel: number,
): Profile {
  const chosen = readAttributes(attributes === undefined || attributes === "" ? [] : attributes.split(","), maxLevel);
  const algorithmList = algorithms ?? named.algorithms;
  const choice = readAlgorithms(algorithmList.split(","), maxLevel);
  // A list that the caller did not write has no commands the format is too old for.
  const { codes, level: commandLevel } = readCommands(
    (commands ?? named.commands).split(","),
    maxLevel,
    commands === undefined,
  );
  const stateFormatLevel = Math.max(level, chosen.level, choice.level, commandLevel);
  return createProfile({
    name,
    description: description ?? named.description,
    stateFormatLevel,
    lists: { commands: commands ?? formatRanges(codes), algorithms: algorithmList, attributes },
    algorithms: propertiesOf(choice),
    commands: new Map([...COMMANDS].filter(([code]) => codes.has(code))),
    attributes: chosen.attributes,
    curves: [...KNOWN_CURVES.keys()].filter((curve) => choice.curves.has(curve)),
    keySizes: {
      RSA_KEY_BITS: keySizesOf(choice, TPM_ALG.RSA, stateFormatLevel),
      AES_KEY_BITS: keySizesOf(choice, TPM_ALG.AES, stateFormatLevel),
      SM4_KEY_BITS: [],
      CAMELLIA_KEY_BITS: keySizesOf(choice, TPM_ALG.CAMELLIA, stateFormatLevel),
      TDES_KEY_BITS: keySizesOf(choice, TPM_ALG.TDES, stateFormatLevel),
    },
    minHmacKeyBits: choice.minimums.get(TPM_ALG.HMAC) ?? 0,
    pcrBanks: [TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384, TPM_ALG.SHA512],
    emptyBanks: [],
    limits: LIMITS,
    properties: PROPERTIES,
  });
}

function propertiesOf({ algorithms }: AlgorithmChoice): ReadonlyMap<number, number> {
  const all = new Map<number, number>();
  for (const [alg, { properties }] of ALGORITHMS) {
    if (algorithms.has(alg) && properties !== undefined) all.set(alg, properties);
  }
  return all;
}

/** The key sizes of an algorithm: not below the minimum, and none that the state's format does not know. */
function keySizesOf({ algorithms, minimums }: AlgorithmChoice, alg: number, stateFormatLevel: number): number[] {
  if (!algorithms.has(alg)) return [];
  const sizes = ALGORITHMS.get(alg)?.keySizes ?? [];
  return sizes
    .filter(({ bits, level }) => bits >= (minimums.get(alg) ?? 0) && level <= stateFormatLevel)
    .map(({ bits }) => bits);
}

/** libtpms 0.11: as default-v1, and RSA-4096. */
export const DEFAULT_V2: Profile = parseProfile('{"Name":"default-v2"}');
/** libtpms 0.10: the profile of that name, answer for answer. */
export const DEFAULT_V1: Profile = parseProfile('{"Name":"default-v1"}');
/** libtpms 0.9: what a state without a profile has. */
export const NULL_PROFILE: Profile = parseProfile('{"Name":"null"}');

/** What no libtpms has: the newest version of the library. */
export const LATEST: Profile = createProfile(latestParts(DEFAULT_V2));

/** The profiles that are known by name. */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(
  [NULL_PROFILE, DEFAULT_V1, DEFAULT_V2, LATEST].map((profile) => [profile.name, profile]),
);

const asciiBytes = (text: string): Bytes => Uint8Array.from(text, (character) => character.charCodeAt(0));
const bytesToAscii = (bytes: Bytes): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

const STORED_PROFILE = struct("profile", {
  json: tpm2b("json", 0xffff),
  properties: list("properties", TPMS_TAGGED_PROPERTY, { max: 0xffff }),
});

/** A fixed property and its value. */
type Property = TPMS_TAGGED_PROPERTY;

/** The profile that a state holds: its text, and the fixed properties that are not those of that profile. */
export function storedProfile(text: string, properties: readonly Property[] = []): Profile {
  const profile = [...PROFILES.values()].find(({ json }) => json === text) ?? profileOfState(text);
  if (properties.length === 0) return profile;
  return deriveProfile(profile, {
    properties: new Map([...profile.properties, ...properties.map((p) => [p.property, p.value] as const)]),
  });
}

/** The fixed properties that whoever embeds the engine has set. */
export function ownProperties(profile: Profile): Property[] {
  const usual = PROFILES.get(profile.name)?.properties ?? PROPERTIES;
  const counted: readonly number[] = [TPM_PT.TOTAL_COMMANDS, TPM_PT.LIBRARY_COMMANDS];
  return [...profile.properties]
    .filter(([property, value]) => !counted.includes(property) && usual.get(property) !== value)
    .map(([property, value]) => ({ property, value }));
}

/** A profile as a section of the state. */
export const PROFILE_FORMAT: Codec<Profile> = {
  name: "profile",
  shape: STORED_PROFILE.shape,
  read(reader) {
    const start = reader.offset;
    const { json, properties } = STORED_PROFILE.read(reader);
    try {
      return storedProfile(bytesToAscii(json), properties);
    } catch (error) {
      if (error instanceof ProfileError) throw reader.refuse("VALUE", error.message, start);
      throw error;
    }
  },
  write(writer, profile) {
    STORED_PROFILE.write(writer, { json: asciiBytes(profile.json), properties: ownProperties(profile) });
  },
  text: (profile) => profile.name,
};

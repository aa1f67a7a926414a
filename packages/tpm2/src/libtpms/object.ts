import {
  block,
  type Codec,
  changed,
  checked,
  encode,
  equalBytes,
  limited,
  optionalBlock,
  type TypeOf,
  UINT8,
  UINT16,
  UINT32,
  versioned,
} from "@vtpm/wire";
import { TPM_ALG } from "../spec/constants.ts";
import {
  TPM2B_AUTH,
  TPM2B_DIGEST,
  TPM2B_NAME,
  TPMI_ALG_PUBLIC,
  TPMI_RH_HIERARCHY_NULLABLE,
  TPMT_PUBLIC_NULLABLE,
  TPMT_SENSITIVE,
} from "../spec/structures/index.ts";
import { digestSizeOf } from "../subsystems/hash-algorithms.ts";
import { belongsTo, isWorkedOut, PRIVATE_EXPONENT } from "./private-exponent.ts";

/** How primes are searched for under a seed: 0 as before libtpms 0.8, 1 since then. */
export const SEED_LEVEL = limited("seed level", UINT8, 1, "VALUE");

const NO_TYPE = 0;

/** A sensitive area; one without a type stands for an object of which only the public area is known. */
const SENSITIVE: Codec<TPMT_SENSITIVE | undefined> = {
  name: "TPMT_SENSITIVE?",
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    const sensitiveType = reader.part("sensitiveType", UINT16);
    const authValue = reader.part("authValue", TPM2B_AUTH);
    const seedValue = reader.part("seedValue", TPM2B_DIGEST);
    if (sensitiveType === NO_TYPE) {
      if (authValue.length + seedValue.length > 0) {
        throw reader.refuse("VALUE", "a sensitive area without a type has no parts", start);
      }
      return undefined;
    }
    if (!TPMI_ALG_PUBLIC.includes(sensitiveType)) {
      throw reader.refuse("TYPE", `0x${sensitiveType.toString(16)} is no type of object`, start);
    }
    const sensitive = reader.part("sensitive", TPMT_SENSITIVE.variants[sensitiveType].sensitive);
    return { sensitiveType, authValue, seedValue, sensitive };
  },
  write(writer, value) {
    if (value !== undefined) {
      TPMT_SENSITIVE.write(writer, value);
      return;
    }
    writer.uint16(NO_TYPE);
    writer.uint16(0);
    writer.uint16(0);
  },
  text: (value) => (value === undefined ? "absent" : ""),
};

/** The first version in which only RSA keys have the private exponent, and objects say which hierarchy they belong to. */
export const FIRST_WITH_HIERARCHY = 4;

const LAYOUT = versioned(
  "OBJECT",
  {
    magic: 0x75be73af,
    newest: FIRST_WITH_HIERARCHY,
    additions: {
      seedCompatLevel: [3, SEED_LEVEL],
      hierarchy: [FIRST_WITH_HIERARCHY, TPMI_RH_HIERARCHY_NULLABLE],
    },
    unmarkedFrom: FIRST_WITH_HIERARCHY,
  },
  {
    publicArea: TPMT_PUBLIC_NULLABLE,
    sensitive: SENSITIVE,
    privateExponent: changed(block(PRIVATE_EXPONENT), FIRST_WITH_HIERARCHY, optionalBlock(PRIVATE_EXPONENT)),
    qualifiedName: TPM2B_NAME,
    /** The handle of a persistent object, 0 for others. */
    evictHandle: UINT32,
    name: TPM2B_NAME,
  },
);
/** A key or data object. */
export type OBJECT = TypeOf<typeof LAYOUT>;

/** The same, of which the parts go together. */
export const OBJECT: Codec<OBJECT> = checked(LAYOUT, complaintAbout);

function complaintAbout({
  version,
  publicArea,
  sensitive,
  privateExponent,
  name,
  qualifiedName,
}: OBJECT): string | undefined {
  const { type, nameAlg } = publicArea;
  if (sensitive !== undefined && sensitive.sensitiveType !== type) return "public and sensitive area are of two types";
  const isRsaKey = sensitive?.sensitiveType === TPM_ALG.RSA;
  if (version >= FIRST_WITH_HIERARCHY && isRsaKey !== (privateExponent !== undefined)) {
    return isRsaKey ? "an RSA key has no private exponent" : "what is no RSA key has a private exponent";
  }
  const nameSize = nameAlg === TPM_ALG.NULL ? 0 : 2 + digestSizeOf(nameAlg);
  for (const each of [name, qualifiedName]) {
    if (each.length !== nameSize) return `a Name of ${each.length} bytes, expected ${nameSize}`;
    if (nameSize > 0 && !equalBytes(each.slice(0, 2), encode(UINT16, nameAlg))) return "the Name has another algorithm";
  }
  if (privateExponent === undefined || !isWorkedOut(privateExponent)) return undefined;
  if (!isRsaKey) return "what is no RSA key has a private exponent";
  return belongsTo(privateExponent, { publicArea, sensitive })
    ? undefined
    : "the private exponent is not that of the public key";
}

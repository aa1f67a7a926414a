import { type Codec, checked, type TypeOf, UINT32, versioned } from "@vtpm/wire";

/** Whether a TPM needs exactly the value it was compiled with, or can do with a smaller one. */
type Comparison = "=" | "<=";
type Constant = readonly [name: string, comparison: Comparison, value: number];

/** In order; what has no name is a number in libtpms. Since 0.9 there are 120 of them, before it were the first 88. */
const CONSTANTS: readonly Constant[] = [
  ["ALG_RSA", "=", 1],
  ["ALG_SHA1", "=", 1],
  ["ALG_HMAC", "=", 1],
  ["ALG_TDES", "<=", 1],
  ["ALG_AES", "=", 1],
  ["ALG_MGF1", "=", 1],
  ["ALG_XOR", "=", 1],
  ["ALG_KEYEDHASH", "=", 1],
  ["ALG_SHA256", "=", 1],
  ["ALG_SHA384", "=", 1],
  ["ALG_SHA512", "=", 1],
  ["ALG_SM3_256", "=", 0],
  ["ALG_SM4", "=", 0],
  ["ALG_RSASSA", "=", 1],
  ["ALG_RSAES", "=", 1],
  ["ALG_RSAPSS", "=", 1],
  ["ALG_OAEP", "=", 1],
  ["ALG_ECC", "=", 1],
  ["ALG_ECDH", "=", 1],
  ["ALG_ECDSA", "=", 1],
  ["ALG_ECDAA", "=", 1],
  ["ALG_SM2", "<=", 1],
  ["ALG_ECSCHNORR", "=", 1],
  ["ALG_ECMQV", "<=", 1],
  ["ALG_SYMCIPHER", "=", 1],
  ["ALG_KDF1_SP800_56A", "=", 1],
  ["ALG_KDF2", "<=", 1],
  ["ALG_KDF1_SP800_108", "=", 1],
  ["ALG_CMAC", "<=", 1],
  ["ALG_CTR", "=", 1],
  ["ALG_OFB", "=", 1],
  ["ALG_CBC", "=", 1],
  ["ALG_CFB", "=", 1],
  ["ALG_ECB", "=", 1],
  ["", "<=", 3072],
  ["MAX_TDES_KEY_BITS", "=", 192],
  ["MAX_AES_KEY_BITS", "=", 256],
  ["", "=", 128],
  ["", "=", 128],
  ["ECC_NIST_P192", "<=", 1],
  ["ECC_NIST_P224", "<=", 1],
  ["ECC_NIST_P256", "<=", 1],
  ["ECC_NIST_P384", "<=", 1],
  ["ECC_NIST_P521", "<=", 1],
  ["ECC_BN_P256", "<=", 1],
  ["ECC_BN_P638", "<=", 1],
  ["ECC_SM2_P256", "<=", 1],
  ["MAX_ECC_KEY_BITS", "<=", 638],
  ["", "=", 4],
  ["SYM_ALIGNMENT", "=", 4],
  ["IMPLEMENTATION_PCR", "=", 24],
  ["PLATFORM_PCR", "=", 24],
  ["DRTM_PCR", "=", 17],
  ["HCRTM_PCR", "=", 0],
  ["NUM_LOCALITIES", "=", 5],
  ["MAX_HANDLE_NUM", "=", 3],
  ["MAX_ACTIVE_SESSIONS", "=", 64],
  ["MAX_LOADED_SESSIONS", "=", 3],
  ["MAX_SESSION_NUM", "=", 3],
  ["MAX_LOADED_OBJECTS", "=", 3],
  ["MIN_EVICT_OBJECTS", "<=", 7],
  ["NUM_POLICY_PCR_GROUP", "=", 1],
  ["NUM_AUTHVALUE_PCR_GROUP", "=", 1],
  ["MAX_CONTEXT_SIZE", "<=", 2680],
  ["MAX_DIGEST_BUFFER", "=", 1024],
  ["MAX_NV_INDEX_SIZE", "=", 2048],
  ["MAX_NV_BUFFER_SIZE", "=", 1024],
  ["MAX_CAP_BUFFER", "=", 1024],
  ["NV_MEMORY_SIZE", "<=", 176832],
  ["MIN_COUNTER_INDICES", "=", 8],
  ["NUM_STATIC_PCR", "=", 16],
  ["MAX_ALG_LIST_SIZE", "=", 64],
  ["PRIMARY_SEED_SIZE", "=", 64],
  ["CONTEXT_ENCRYPT_ALGORITHM", "=", 6],
  ["NV_CLOCK_UPDATE_INTERVAL", "=", 12],
  ["NUM_POLICY_PCR", "=", 1],
  ["ORDERLY_BITS", "=", 8],
  ["MAX_SYM_DATA", "=", 128],
  ["MAX_RNG_ENTROPY_SIZE", "=", 64],
  ["RAM_INDEX_SPACE", "=", 512],
  ["RSA_DEFAULT_PUBLIC_EXPONENT", "=", 65537],
  ["ENABLE_PCR_NO_INCREMENT", "=", 1],
  ["CRT_FORMAT_RSA", "=", 1],
  ["VENDOR_COMMAND_COUNT", "=", 0],
  ["MAX_VENDOR_BUFFER_SIZE", "=", 1024],
  ["TPM_MAX_DERIVATION_BITS", "=", 8192],
  ["PROOF_SIZE", "=", 64],
  ["HASH_COUNT", "=", 4],
  ["AES_128", "<=", 1],
  ["", "<=", 0],
  ["AES_256", "<=", 1],
  ["SM4_128", "<=", 0],
  ["ALG_CAMELLIA", "<=", 1],
  ["CAMELLIA_128", "<=", 1],
  ["", "<=", 0],
  ["CAMELLIA_256", "<=", 1],
  ["ALG_SHA3_256", "<=", 0],
  ["ALG_SHA3_384", "<=", 0],
  ["ALG_SHA3_512", "<=", 0],
  ["RSA_1024", "<=", 1],
  ["RSA_2048", "<=", 1],
  ["RSA_3072", "<=", 1],
  ["", "<=", 0],
  ["RSA_16384", "<=", 0],
  ["RH_ACT_0", "<=", 0],
  ["RH_ACT_1", "<=", 0],
  ["RH_ACT_2", "<=", 0],
  ["RH_ACT_3", "<=", 0],
  ["RH_ACT_4", "<=", 0],
  ["RH_ACT_5", "<=", 0],
  ["RH_ACT_6", "<=", 0],
  ["RH_ACT_7", "<=", 0],
  ["RH_ACT_8", "<=", 0],
  ["RH_ACT_9", "<=", 0],
  ["RH_ACT_A", "<=", 0],
  ["RH_ACT_B", "<=", 0],
  ["RH_ACT_C", "<=", 0],
  ["RH_ACT_D", "<=", 0],
  ["RH_ACT_E", "<=", 0],
  ["RH_ACT_F", "<=", 0],
];

const FIRST_CONSTANTS = 88;
/** The version with all of them. */
const NEWEST = 3;

const VALUES: Codec<readonly number[]> = {
  name: "constants",
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    const count = reader.part("count", UINT32);
    if (count !== FIRST_CONSTANTS && count !== CONSTANTS.length) {
      throw reader.refuse("SIZE", `${count} constants, expected ${FIRST_CONSTANTS} or ${CONSTANTS.length}`, start);
    }
    const values: number[] = [];
    for (const [i, [name, comparison, own]] of CONSTANTS.slice(0, count).entries()) {
      const at = reader.offset;
      const value = reader.part(name || `[${i}]`, UINT32);
      const isUsable = comparison === "=" ? value === own : value <= own;
      if (!isUsable) {
        const bound = comparison === "=" ? "" : "at most ";
        throw reader.refuse("VALUE", `${name || `constant ${i}`} is ${value}, this TPM has ${bound}${own}`, at);
      }
      values.push(value);
    }
    return values;
  },
  write(writer, values) {
    writer.uint32(values.length);
    for (const value of values) writer.uint32(value);
  },
  text: (values) => `${values.length} constants`,
};

/**
 * The sizes and algorithms that the program was compiled with that wrote the state. A program refuses states that are not made for
 * its own, and so does this one, which behaves as libtpms is usually compiled.
 */
export const COMPILE_CONSTANTS = checked(
  versioned("PA_COMPILE_CONSTANTS", { magic: 0xc9ea6431, newest: NEWEST }, { values: VALUES }),
  ({ version, values }) =>
    version <= NEWEST && values.length === (version < NEWEST ? FIRST_CONSTANTS : CONSTANTS.length)
      ? undefined
      : `version ${version} with ${values.length} constants is not known`,
);
export type COMPILE_CONSTANTS = TypeOf<typeof COMPILE_CONSTANTS>;

/** What a new state is written with. */
export const USUAL_CONSTANTS: readonly number[] = CONSTANTS.map(([, , value]) => value);

import { decode, encode, Refusal } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { AVAILABLE_PROFILES, DEFAULT_V1, DEFAULT_V2, PROFILE_FORMAT, PROFILES, parseProfile } from "../profile.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG, TPM_ECC_CURVE } from "../spec/constants.ts";
import { TPM_PT } from "../spec/properties.ts";
import { ProfileError } from "./profile-error.ts";
import { algorithmLists, attributeLists, commandLists } from "./profile-info.ts";

const custom = (members: Readonly<Record<string, string | number>> = {}) =>
  parseProfile(JSON.stringify({ Name: "custom:mine", ...members }));

/** What every profile needs, and nothing else. */
const LEAST =
  "rsa,hmac,aes,mgf1,keyedhash,xor,sha256,sha384,null,oaep,ecdsa,ecdh,kdf1-sp800-56a,kdf2,kdf1-sp800-108,ecc," +
  "ecc-nist-p256,ecc-nist-p384,symcipher,cfb";
const REQUIRED_CODES =
  "0x120,0x129,0x12b,0x131,0x13c,0x143-0x145,0x148,0x14e,0x153,0x156-0x158,0x15c,0x165,0x169,0x173,0x176,0x17a," +
  "0x17c-0x17e,0x182,0x185-0x186";

/** The error of a text. */
function flaw(text: string): Pick<ProfileError, "code" | "token" | "message"> {
  try {
    parseProfile(text);
  } catch (error) {
    if (error instanceof ProfileError) return error;
  }
  throw new Error("the profile was taken");
}

describe("the example of the capabilities recorded from swtpm", () => {
  const small = parseProfile(
    '{"Name":"custom:small","Algorithms":"rsa,rsa-min-size=2048,sha1,hmac,aes,aes-min-size=128,mgf1,keyedhash,xor,' +
      "sha256,sha384,null,rsassa,rsaes,rsapss,oaep,ecdsa,ecdh,kdf1-sp800-56a,kdf2,kdf1-sp800-108,ecc,ecc-min-size=256," +
      'ecc-nist,symcipher,cfb,ctr"}',
  );

  test("loses eleven algorithms and five curves", () => {
    const gone = [...DEFAULT_V1.algorithms.keys()].filter((alg) => !small.algorithms.has(alg));
    expect(gone).toEqual([
      TPM_ALG.TDES,
      TPM_ALG.SHA512,
      TPM_ALG.ECDAA,
      TPM_ALG.SM2,
      TPM_ALG.ECSCHNORR,
      TPM_ALG.ECMQV,
      TPM_ALG.CAMELLIA,
      TPM_ALG.CMAC,
      TPM_ALG.OFB,
      TPM_ALG.CBC,
      TPM_ALG.ECB,
    ]);
    expect(small.curves).toEqual([TPM_ECC_CURVE.NIST_P256, TPM_ECC_CURVE.NIST_P384, TPM_ECC_CURVE.NIST_P521]);
  });

  test("keeps commands and properties", () => {
    expect(small.commands).toEqual(DEFAULT_V1.commands);
    expect(small.properties).toEqual(DEFAULT_V1.properties);
  });

  test("gets the format of RSA-4096, which its smallest size lets in", () => {
    expect(small.stateFormatLevel).toBe(8);
    expect(small.keySizes.RSA_KEY_BITS).toEqual([2048, 3072, 4096]);
  });
});

describe("a custom profile", () => {
  test("without lists has everything", () => {
    const all = parseProfile('{"Name":"custom"}');
    expect(all.algorithms).toEqual(DEFAULT_V2.algorithms);
    expect(all.keySizes).toEqual(DEFAULT_V2.keySizes);
    expect(all.stateFormatLevel).toBe(8);
    expect(all.description).toMatch(/^This profile allows customization/);
  });

  test("can do with very little", () => {
    const least = custom({ Algorithms: LEAST, Commands: REQUIRED_CODES });
    expect(least.commands.size).toBe(26);
    expect(least.properties.get(TPM_PT.TOTAL_COMMANDS)).toBe(26);
    expect(least.curves).toEqual([TPM_ECC_CURVE.NIST_P256, TPM_ECC_CURVE.NIST_P384]);
    expect(least.allows("ALG", TPM_ALG.SHA1)).toBe(false);
    expect(least.stateFormatLevel).toBe(2);
  });

  test("has the key sizes that its format knows", () => {
    const sizes = (members: Readonly<Record<string, string | number>>) => {
      const { AES_KEY_BITS, RSA_KEY_BITS } = custom(members).keySizes;
      return [AES_KEY_BITS, RSA_KEY_BITS];
    };
    expect(sizes({ Algorithms: LEAST, Commands: REQUIRED_CODES })).toEqual([
      [128, 256],
      [1024, 2048, 3072],
    ]);
    expect(sizes({ Algorithms: LEAST })[0]).toEqual([128, 192, 256]);
    expect(sizes({ Algorithms: `${LEAST},rsa-min-size=3072` })[1]).toEqual([3072, 4096]);
    expect(sizes({ StateFormatLevel: 7 })[1]).toEqual([1024, 2048, 3072]);
  });

  test("of an old format leaves out the commands that are newer, and says so", () => {
    const old = custom({ StateFormatLevel: 4 });
    expect(old.commands.has(TPM_CC.PolicyCapability)).toBe(false);
    expect(old.commands.has(TPM_CC.ECC_Encrypt)).toBe(true);
    expect(old.json).toContain('"Commands":"0x11f-0x122,0x124-0x12e,0x130-0x140,0x142-0x159,');
    expect(old.json).toContain(',0x197,0x199-0x19a"');
    expect(old.stateFormatLevel).toBe(4);
  });

  test("takes families of curves, single ones, and none below the smallest size", () => {
    const curves = (more: string) => custom({ Algorithms: `${LEAST},${more}` }).curves;
    expect(curves("ecc-bn")).toContain(TPM_ECC_CURVE.BN_P638);
    expect(curves("ecc-bn-p638")).not.toContain(TPM_ECC_CURVE.BN_P256);
    expect(curves("ecc-nist,ecc-min-size=384")).toEqual([TPM_ECC_CURVE.NIST_P384, TPM_ECC_CURVE.NIST_P521]);
  });

  test("keeps the last of settings that are there twice", () => {
    const twice = custom({ Algorithms: `rsa-min-size=1024,${LEAST},sha256,rsa-min-size=2048` });
    expect(twice.lists.algorithms).toBe(`${LEAST.replace("sha256,", "")},sha256,rsa-min-size=2048`);
    expect(twice.keySizes.RSA_KEY_BITS).toEqual([2048, 3072, 4096]);
  });

  test("says what its attributes stand for", () => {
    const strict = custom({ Attributes: "fips-host,no-sha1-hmac,pct" });
    expect([...strict.attributes].sort()).toEqual([
      "no-sha1-hmac-creation",
      "no-sha1-hmac-verification",
      "no-sha1-signing",
      "no-sha1-verification",
      "no-unpadded-encryption",
      "pct",
    ]);
    expect(custom({ Attributes: "pct", Algorithms: LEAST, Commands: REQUIRED_CODES }).stateFormatLevel).toBe(7);
  });

  test("cuts a long name and a long description", () => {
    const long = custom({ Name: `custom:${"x".repeat(40)}`, Description: "d".repeat(300) });
    expect(long.name).toBe(`custom:${"x".repeat(25)}`);
    expect(long.description.length).toBe(250);
  });

  test("may be written with blanks and members of others", () => {
    expect(parseProfile('{ "Name" : "custom:a" ,\t"Comment":"x", "StateFormatLevel" : 5\n}').stateFormatLevel).toBe(5);
  });

  test("is the text that libtpms writes", () => {
    const { json } = custom({ Algorithms: LEAST, Commands: REQUIRED_CODES, Attributes: "pct", Description: "mine" });
    expect(json).toBe(
      `{"Name":"custom:mine","StateFormatLevel":7,"Commands":"${REQUIRED_CODES}","Algorithms":"${LEAST}",` +
        '"Attributes":"pct","Description":"mine"}',
    );
  });

  test.each([
    ["all there is", {}],
    ["the least", { Algorithms: LEAST, Commands: REQUIRED_CODES }],
    ["attributes", { Attributes: "fips-host" }],
    ["no attributes", { Attributes: "" }],
    ["an old format", { StateFormatLevel: 3 }],
  ])("comes back from the state: %s", (_name, members) => {
    const profile = custom(members);
    const back = decode(PROFILE_FORMAT, encode(PROFILE_FORMAT, profile));
    expect({ ...back, limit: undefined, allows: undefined }).toEqual({
      ...profile,
      limit: undefined,
      allows: undefined,
    });
  });
});

describe("a profile is refused, and the error says why and what to do,", () => {
  const written = (members: Readonly<Record<string, string | number>>) =>
    JSON.stringify({ Name: "custom", ...members });
  test.each<[name: string, text: string, code: string, token: string, message: RegExp]>([
    ["which is no JSON", "default-v1", "SYNTAX", "default-v1", /\{"Name":"default-v2"\}/],
    ["which is nested", '{"Name":"custom","Algorithms":["rsa"]}', "SYNTAX", "", /texts and whole numbers/],
    ["which is not ASCII", '{"Name":"custom:größe"}', "SYNTAX", "ö", /leave out "ö"/],
    ["which has no name", '{"StateFormatLevel":2}', "NAME", "Name", /needs a "Name"/],
    ["of an unknown name", '{"Name":"default-v9"}', "NAME", "default-v9", /default-v2, default-v1, null, custom/],
    ["which changes a fixed one", '{"Name":"null","Algorithms":"rsa"}', "FIXED", "null", /give only its name/],
    ["which sets a fixed one's format", '{"Name":"default-v1","StateFormatLevel":8}', "FIXED", "default-v1", /changed/],
    ["of a format before the first", written({ StateFormatLevel: 1 }), "LEVEL", "StateFormatLevel", /at least 2/],
    ["of a format after the last", written({ StateFormatLevel: 9 }), "LEVEL", "StateFormatLevel", /at most 8/],
    ["with a format in quotes", written({ StateFormatLevel: "8" }), "VALUE", "StateFormatLevel", /without quotation/],
    ["with a list that is a number", written({ Commands: 3 }), "VALUE", "Commands", /in quotation marks/],
    ["with an unknown algorithm", written({ Algorithms: `${LEAST},sha3-256` }), "UNKNOWN", "sha3-256", /sha1, sha256/],
    ["with a blank in a list", written({ Algorithms: `${LEAST}, sha1` }), "UNKNOWN", " sha1", /not known/],
    ["without SHA-256", written({ Algorithms: LEAST.replace("sha256,", "") }), "REQUIRED", "sha256", /add it to/],
    ["without P-384", written({ Algorithms: LEAST.replace("ecc-nist-p384,", "") }), "REQUIRED", "ecc-nist-p384", /add/],
    [
      "with a size that is none",
      written({ Algorithms: `${LEAST},rsa-min-size=big` }),
      "VALUE",
      "rsa-min-size=big",
      /4096/,
    ],
    [
      "with a size too large",
      written({ Algorithms: `${LEAST},rsa-min-size=8192` }),
      "VALUE",
      "rsa-min-size=8192",
      /4096/,
    ],
    [
      "with an HMAC key too large",
      written({ Algorithms: `${LEAST},hmac-min-key-size=1025` }),
      "VALUE",
      "hmac-min-key-size=1025",
      /1024/,
    ],
    [
      "with sizes of a hash",
      written({ Algorithms: `${LEAST},sha1-min-size=1` }),
      "UNKNOWN",
      "sha1-min-size=1",
      /known/,
    ],
    [
      "with AES-256 for keys of 2048 bits",
      written({ Algorithms: `${LEAST},aes-min-size=256,rsa-min-size=2048` }),
      "CONFLICT",
      "aes-min-size",
      /"aes-min-size=128", or "rsa-min-size=3072"/,
    ],
    ["with a code that is none", written({ Commands: "0x11f,all" }), "VALUE", "all", /no code nor range/],
    ["with a range that runs backwards", written({ Commands: "0x122-0x120" }), "VALUE", "0x122-0x120", /range/],
    ["with a command that is not there", written({ Commands: "0x12e-0x130" }), "UNKNOWN", "0x12e-0x130", /0x12f/],
    [
      "without TPM2_Startup",
      written({ Commands: REQUIRED_CODES.replace("0x143-0x145", "0x143,0x145") }),
      "REQUIRED",
      "0x144",
      /add/,
    ],
    [
      "with a command that is newer",
      written({ StateFormatLevel: 4, Commands: `${REQUIRED_CODES},0x19b` }),
      "LEVEL",
      "0x19b",
      /:5,/,
    ],
    ["with an unknown attribute", written({ Attributes: "no-sha1" }), "UNKNOWN", "no-sha1", /no-sha1-signing/],
    ["with an attribute that is newer", written({ StateFormatLevel: 6, Attributes: "pct" }), "LEVEL", "pct", /:7,/],
  ])("%s", (_name, text, code, token, message) => {
    const error = flaw(text);
    expect(error.code).toBe(code);
    if (token !== "") expect(error.token).toBe(token);
    expect(error.message).toMatch(message);
  });

  test("in a state, too", () => {
    const stored = { ...custom(), json: '{"Name":"custom","Algorithms":"rsa"}' };
    expect(() => decode(PROFILE_FORMAT, encode(PROFILE_FORMAT, stored))).toThrow(Refusal);
  });
});

describe("what libtpms tells of profiles", () => {
  test("the available ones, in its order, with the texts of the state", () => {
    expect(AVAILABLE_PROFILES.map((text) => JSON.parse(text).Name)).toEqual([
      "default-v2",
      "default-v1",
      "null",
      "custom",
    ]);
    for (const text of AVAILABLE_PROFILES.slice(0, 3)) {
      expect([...PROFILES.values()].map(({ json }) => json)).toContain(text);
    }
    expect(JSON.parse(AVAILABLE_PROFILES[3] ?? "").StateFormatLevel).toBe(2);
  });

  test("algorithms", () => {
    const lists = algorithmLists(custom({ Algorithms: `${LEAST},sha1,ecc-bn,ecc-min-size=256,hmac-min-key-size=64` }));
    expect(lists.implemented).toBe(
      "rsa,rsa-min-size=1024,tdes,tdes-min-size=128,sha1,hmac,hmac-min-key-size=1,aes,aes-min-size=128,mgf1,keyedhash,xor," +
        "sha256,sha384,sha512,null,rsassa,rsaes,rsapss,oaep,ecdsa,ecdh,ecdaa,sm2,ecschnorr,ecmqv,kdf1-sp800-56a,kdf2," +
        "kdf1-sp800-108,ecc,ecc-min-size=192,ecc-nist,ecc-bn,ecc-nist-p192,ecc-nist-p224,ecc-nist-p256,ecc-nist-p384," +
        "ecc-nist-p521,ecc-bn-p256,ecc-bn-p638,ecc-sm2-p256,symcipher,camellia,camellia-min-size=128,cmac,ctr,ofb,cbc,cfb,ecb",
    );
    expect(lists.canBeDisabled).toBe(
      "tdes,sha1,sha512,rsassa,rsaes,rsapss,ecdaa,sm2,ecschnorr,ecmqv,ecc-nist,ecc-bn,ecc-nist-p192,ecc-nist-p224," +
        "ecc-nist-p521,ecc-bn-p256,ecc-bn-p638,ecc-sm2-p256,camellia,cmac,ctr,ofb,cbc,ecb",
    );
    expect(lists.enabled).toBe(
      "rsa,rsa-min-size=1024,sha1,hmac,hmac-min-key-size=64,aes,aes-min-size=128,mgf1,keyedhash,xor,sha256,sha384,null," +
        "oaep,ecdsa,ecdh,kdf1-sp800-56a,kdf2,kdf1-sp800-108,ecc,ecc-min-size=256,ecc-bn,ecc-nist-p256,ecc-nist-p384," +
        "ecc-bn-p256,ecc-bn-p638,symcipher,cfb",
    );
    expect(lists.disabled).toMatch(/^tdes,sha512,rsassa,.*,ecmqv,ecc-nist,ecc-nist-p192,ecc-nist-p224,ecc-nist-p521,/);
  });

  test("commands", () => {
    const lists = commandLists(custom({ Commands: REQUIRED_CODES }));
    expect(`,${lists.implemented}`).toContain(",0x17a-0x193,0x197,0x199-0x19c");
    expect(lists.enabled).toBe(REQUIRED_CODES.replace("0x17c-0x17e", "0x17c-0x17e"));
    expect(lists.disabled).toBe(lists.canBeDisabled);
  });

  test("attributes, as they were written", () => {
    const lists = attributeLists(custom({ Attributes: "fips-host" }));
    expect(lists.enabled).toBe("fips-host");
    expect(lists.disabled).toBe(
      "no-unpadded-encryption,no-sha1-signing,no-sha1-verification,no-sha1-hmac-creation,no-sha1-hmac-verification," +
        "no-sha1-hmac,drbg-continous-test,pct,no-ecc-key-derivation",
    );
  });
});

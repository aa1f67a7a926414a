import { createPortableProvider } from "@vtpm/crypto";
import { type Bytes, EMPTY, encode, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { ECC_Parameters } from "../commands/asymmetric/ECC_Parameters.ts";
import { RSA_Decrypt } from "../commands/asymmetric/RSA_Decrypt.ts";
import { RSA_Encrypt } from "../commands/asymmetric/RSA_Encrypt.ts";
import { ZGen_2Phase } from "../commands/asymmetric/ZGen_2Phase.ts";
import { GetCapability } from "../commands/capability/GetCapability.ts";
import { TestParms } from "../commands/capability/TestParms.ts";
import { Commit } from "../commands/ephemeral-keys/Commit.ts";
import { EC_Ephemeral } from "../commands/ephemeral-keys/EC_Ephemeral.ts";
import { HashSequenceStart } from "../commands/hash-hmac-event-sequences/HashSequenceStart.ts";
import { MAC_Start } from "../commands/hash-hmac-event-sequences/MAC_Start.ts";
import { PCR_Event } from "../commands/integrity-collection/PCR_Event.ts";
import { PCR_Read } from "../commands/integrity-collection/PCR_Read.ts";
import { CreateLoaded } from "../commands/object/CreateLoaded.ts";
import { GetRandom } from "../commands/random-number-generator/GetRandom.ts";
import { StartAuthSession } from "../commands/session/StartAuthSession.ts";
import { Sign } from "../commands/signing/Sign.ts";
import { VerifySignature } from "../commands/signing/VerifySignature.ts";
import { Hash } from "../commands/symmetric/Hash.ts";
import { MAC } from "../commands/symmetric/MAC.ts";
import { IncrementalSelfTest } from "../commands/testing/IncrementalSelfTest.ts";
import { parseProfile } from "../profile.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP, TPM_ECC_CURVE, TPM_SE, TPM_ST } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { TPMT_PUBLIC } from "../spec/structures/index.ts";
import { applyChanges, durableChanges } from "../state/durable.ts";
import { createKey, eccTemplate, keyedHashTemplate, rsaTemplate } from "../testing/create-key.ts";
import { givenHmacKey } from "../testing/given.ts";
import { DERIVATION_PARENT, ECC_SIGNING, withAttributes } from "../testing/templates.ts";
import { TestPlatform } from "../testing/test-platform.ts";
import { TestTpm } from "../testing/test-tpm.ts";
import { Tpm } from "../tpm.ts";

const LEAST =
  "rsa,hmac,aes,mgf1,keyedhash,xor,sha256,sha384,null,oaep,ecdsa,ecdh,kdf1-sp800-56a,kdf2,kdf1-sp800-108,ecc," +
  "ecc-nist-p256,ecc-nist-p384,symcipher,cfb";

const custom = (members: Readonly<Record<string, string | number>>) =>
  parseProfile(JSON.stringify({ Name: "custom:test", ...members }));
const started = (members: Readonly<Record<string, string | number>>) => TestTpm.started({ profile: custom(members) });
const withAttribute = (attributes: string) => started({ Attributes: attributes });

const NULL_TICKET = { tag: TPM_ST.HASHCHECK, hierarchy: TPM_RH.NULL, digest: EMPTY };
const NONE = { scheme: TPM_ALG.NULL };
const sha1 = (scheme: number) => ({ scheme, details: { hashAlg: TPM_ALG.SHA1 } });
const sha256 = (scheme: number) => ({ scheme, details: { hashAlg: TPM_ALG.SHA256 } });
const allPcrs = Uint8Array.of(0xff, 0xff, 0xff);

describe("an algorithm that the profile lacks", () => {
  const tpm = started({ Algorithms: `${LEAST},rsa-min-size=2048` });

  test.each([
    ["TPM2_Hash", Hash, { data: EMPTY, hashAlg: TPM_ALG.SHA1, hierarchy: TPM_RH.NULL }, "TPM_RC_HASH (parameter 2)"],
    ["a sequence", HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA512 }, "TPM_RC_HASH (parameter 2)"],
    [
      "TPM2_PCR_Read",
      PCR_Read,
      { pcrSelectionIn: [{ hash: TPM_ALG.SHA1, pcrSelect: allPcrs }] },
      "TPM_RC_HASH (parameter 1)",
    ],
    [
      "a session",
      StartAuthSession,
      {
        tpmKey: TPM_RH.NULL,
        bind: TPM_RH.NULL,
        nonceCaller: new Uint8Array(16),
        encryptedSalt: EMPTY,
        sessionType: TPM_SE.HMAC,
        symmetric: { algorithm: TPM_ALG.NULL },
        authHash: TPM_ALG.SHA1,
      },
      "TPM_RC_HASH (parameter 5)",
    ],
    ["self tests", IncrementalSelfTest, { toTest: [TPM_ALG.CAMELLIA] }, "TPM_RC_VALUE (parameter 1)"],
    ["curves", ECC_Parameters, { curveID: TPM_ECC_CURVE.BN_P256 }, "TPM_RC_CURVE (parameter 1)"],
    [
      "ciphers",
      TestParms,
      {
        parameters: {
          type: TPM_ALG.SYMCIPHER,
          parameters: { sym: { algorithm: TPM_ALG.CAMELLIA, keyBits: 128, mode: TPM_ALG.CFB } },
        },
      },
      "TPM_RC_SYMMETRIC (parameter 1)",
    ],
    [
      "modes",
      TestParms,
      {
        parameters: {
          type: TPM_ALG.SYMCIPHER,
          parameters: { sym: { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CBC } },
        },
      },
      "TPM_RC_MODE (parameter 1)",
    ],
    [
      "key sizes",
      TestParms,
      {
        parameters: {
          type: TPM_ALG.RSA,
          parameters: { symmetric: { algorithm: TPM_ALG.NULL }, scheme: NONE, keyBits: 1024, exponent: 0 },
        },
      },
      "TPM_RC_VALUE (parameter 1)",
    ],
    [
      "schemes",
      TestParms,
      {
        parameters: {
          type: TPM_ALG.RSA,
          parameters: {
            symmetric: { algorithm: TPM_ALG.NULL },
            scheme: sha256(TPM_ALG.RSAPSS),
            keyBits: 2048,
            exponent: 0,
          },
        },
      },
      "TPM_RC_VALUE (parameter 1)",
    ],
  ])("is refused in %s", (_name, command, input, text) => {
    expect(tpm.run(command, input).text).toBe(text);
  });

  test("has no bank to tell of", () => {
    const { capabilityData } = tpm.run(GetCapability, { capability: TPM_CAP.PCRS, property: 0, propertyCount: 9 }).out;
    expect(capabilityData.data.map(({ hash }: { hash: number }) => hash)).toEqual([TPM_ALG.SHA256, TPM_ALG.SHA384]);
  });

  test("still has a bank, which events go into and the state keeps", () => {
    const { digests } = tpm.run(PCR_Event, { pcrHandle: 16, eventData: EMPTY }).out;
    expect(digests.map(({ hashAlg }: { hashAlg: number }) => hashAlg)).toEqual([
      TPM_ALG.SHA1,
      TPM_ALG.SHA256,
      TPM_ALG.SHA384,
      TPM_ALG.SHA512,
    ]);
    const again = Tpm.withState(
      new TestPlatform(),
      applyChanges(undefined, durableChanges(undefined, tpm.tpm.state.nv)),
    );
    expect(again.state.nv.persistent).toEqual(tpm.tpm.state.nv.persistent);
    expect(again.state.nv.profile.json).toBe(tpm.tpm.state.nv.profile.json);
  });
});

describe("a command that the profile lacks", () => {
  const Commands =
    "0x11f-0x122,0x124-0x12c,0x12e,0x130-0x13f,0x142-0x159," +
    "0x15b-0x15e,0x160-0x165,0x167-0x174,0x176-0x178,0x17a-0x193";
  const tpm = started({ Commands });
  const list = (capability: number) =>
    tpm.run(GetCapability, { capability, property: 0, propertyCount: 200 }).out.capabilityData.data;

  test("is not known", () => {
    expect(tpm.runRaw({ ...Hash, code: TPM_CC.ECC_Encrypt }, [], EMPTY).text).toBe("TPM_RC_COMMAND_CODE");
  });

  test("is in no list", () => {
    expect(list(TPM_CAP.COMMANDS).length).toBe(107);
    expect(list(TPM_CAP.PP_COMMANDS)).toEqual([]);
    expect(list(TPM_CAP.AUDIT_COMMANDS)).toEqual([]);
  });
});

test("no-unpadded-encryption demands a padding", () => {
  const tpm = withAttribute("no-unpadded-encryption");
  const { handle: keyHandle } = createKey(tpm, rsaTemplate({ decrypt: true }));
  const message = Uint8Array.of(1);
  expect(tpm.run(RSA_Encrypt, { keyHandle, message, inScheme: NONE, label: EMPTY }).text).toBe("TPM_RC_SCHEME");
  const cipherText = new Uint8Array(256);
  expect(tpm.run(RSA_Decrypt, { keyHandle, cipherText, inScheme: NONE, label: EMPTY }).text).toBe("TPM_RC_SCHEME");
  expect(tpm.run(RSA_Decrypt, { keyHandle, cipherText: EMPTY, inScheme: NONE, label: EMPTY }).text).toBe("TPM_RC_SIZE");
  const inScheme = { scheme: TPM_ALG.RSAES, details: {} };
  const { outData } = tpm.run(RSA_Encrypt, { keyHandle, message, inScheme, label: EMPTY }).out;
  expect(tpm.run(RSA_Decrypt, { keyHandle, cipherText: outData, inScheme, label: EMPTY }).out.message).toEqual(message);
});

describe("SHA-1 in signatures", () => {
  const keys = [
    ["RSASSA", TPM_ALG.RSASSA, rsaTemplate({ sign: true })],
    ["RSAPSS", TPM_ALG.RSAPSS, rsaTemplate({ sign: true })],
    ["ECDSA", TPM_ALG.ECDSA, eccTemplate({ sign: true })],
    ["ECSCHNORR", TPM_ALG.ECSCHNORR, eccTemplate({ sign: true })],
    ["SM2", TPM_ALG.SM2, eccTemplate({ sign: true })],
  ] as const;
  const hmacKey = keyedHashTemplate({ sign: true, decrypt: true });
  const signWith = (tpm: TestTpm, keyHandle: number, inScheme: object, size: number) =>
    tpm.run(Sign, { keyHandle, digest: new Uint8Array(size).fill(7), inScheme, validation: NULL_TICKET });
  const verify = (tpm: TestTpm, keyHandle: number, size: number, signature: object) =>
    tpm.run(VerifySignature, { keyHandle, digest: new Uint8Array(size).fill(7), signature }).text;

  test.each(keys)("%s is neither made nor verified if the profile forbids it", (_name, scheme, template) => {
    const free = TestTpm.started();
    const { handle } = createKey(free, template);
    const { signature } = signWith(free, handle, sha1(scheme), 20).out;
    expect(verify(free, handle, 20, signature)).toBe("TPM_RC_SUCCESS");

    const strict = withAttribute("no-sha1-signing,no-sha1-verification");
    const same = createKey(strict, template);
    expect(signWith(strict, same.handle, sha1(scheme), 20).text).toBe("TPM_RC_HASH");
    expect(verify(strict, same.handle, 20, signature)).toBe("TPM_RC_HASH (parameter 2)");
    const stronger = signWith(strict, same.handle, sha256(scheme), 32).out.signature;
    expect(verify(strict, same.handle, 32, stronger)).toBe("TPM_RC_SUCCESS");
  });

  test("what is no signature at all is not told of the hash", () => {
    const strict = withAttribute("fips-host");
    const ecc = createKey(strict, eccTemplate({ sign: true }));
    const rsa = createKey(strict, rsaTemplate({ sign: true }));
    const zero = { hash: TPM_ALG.SHA1, signatureR: EMPTY, signatureS: Uint8Array.of(1) };
    expect(verify(strict, ecc.handle, 20, { sigAlg: TPM_ALG.ECDSA, signature: zero })).toBe(
      "TPM_RC_SIGNATURE (parameter 2)",
    );
    const short = { hash: TPM_ALG.SHA1, sig: EMPTY };
    expect(verify(strict, rsa.handle, 20, { sigAlg: TPM_ALG.RSASSA, signature: short })).toBe(
      "TPM_RC_SIGNATURE (parameter 2)",
    );
  });

  test("HMACs have attributes of their own", () => {
    const free = TestTpm.started();
    const { signature } = signWith(free, createKey(free, hmacKey).handle, sha1(TPM_ALG.HMAC), 20).out;
    const run = (attribute: string) => {
      const tpm = withAttribute(attribute);
      const { handle } = createKey(tpm, hmacKey);
      return [signWith(tpm, handle, sha1(TPM_ALG.HMAC), 20).text, verify(tpm, handle, 20, signature)];
    };
    expect(run("no-sha1-signing,no-sha1-verification")[0]).toBe("TPM_RC_SUCCESS");
    expect(run("no-sha1-hmac-creation")[0]).toBe("TPM_RC_HASH");
    expect(run("no-sha1-hmac-verification")).toEqual(["TPM_RC_SUCCESS", "TPM_RC_HASH (parameter 2)"]);
    expect(run("no-sha1-hmac")).toEqual(["TPM_RC_HASH", "TPM_RC_HASH (parameter 2)"]);
  });

  test("MACs are not made with a key whose scheme it is", () => {
    const tpm = withAttribute("no-sha1-hmac-creation");
    const own = createKey(tpm, keyedHashTemplate({ sign: true }, { scheme: TPM_ALG.HMAC, details: { hashAlg: 4 } }));
    const input = { handle: own.handle, buffer: EMPTY, auth: EMPTY, inScheme: TPM_ALG.NULL };
    expect(tpm.run(MAC, input).text).toBe("TPM_RC_HASH (parameter 2)");
    expect(tpm.run(MAC_Start, input).text).toBe("TPM_RC_HASH (parameter 2)");
    const { handle } = createKey(tpm, hmacKey);
    expect(tpm.run(MAC, { ...input, handle, inScheme: TPM_ALG.SHA1 }).text).toBe("TPM_RC_SUCCESS");
  });
});

test("hmac-min-key-size demands long keys for signing and verifying", () => {
  const tpm = started({ Algorithms: `${LEAST},hmac-min-key-size=128` });
  const short = givenHmacKey(tpm, new Uint8Array(15));
  const long = givenHmacKey(tpm, new Uint8Array(16));
  const digest = new Uint8Array(32);
  const signWith = (keyHandle: number) => tpm.run(Sign, { keyHandle, digest, inScheme: NONE, validation: NULL_TICKET });
  expect(signWith(short).text).toBe("TPM_RC_KEY_SIZE");
  const { signature } = signWith(long).out;
  const verify = (keyHandle: number) => tpm.run(VerifySignature, { keyHandle, digest, signature }).text;
  expect(verify(long)).toBe("TPM_RC_SUCCESS");
  expect(verify(short)).toBe("TPM_RC_KEY_SIZE (parameter 2)");
});

test("no-ecc-key-derivation refuses ephemeral, committed and derived keys", () => {
  const tpm = withAttribute("no-ecc-key-derivation");
  expect(tpm.run(EC_Ephemeral, { curveID: TPM_ECC_CURVE.NIST_P256 }).text).toBe("TPM_RC_TYPE");
  const { handle } = createKey(tpm, rsaTemplate({ sign: true }));
  const point = { x: EMPTY, y: EMPTY };
  expect(tpm.run(Commit, { signHandle: handle, P1: point, s2: EMPTY, y2: EMPTY }).text).toBe("TPM_RC_TYPE");
  expect(
    tpm.run(ZGen_2Phase, { keyA: handle, inQsB: point, inQeB: point, inScheme: TPM_ALG.ECDH, counter: 0 }).text,
  ).toBe("TPM_RC_TYPE");
  const parentHandle = createKey(tpm, DERIVATION_PARENT).handle;
  const derived = withAttributes(ECC_SIGNING, { sensitiveDataOrigin: false });
  const inPublic = encode(TPMT_PUBLIC, derived); // without a point it has the form of empty label and context
  const inSensitive = { userAuth: EMPTY, data: EMPTY };
  expect(tpm.run(CreateLoaded, { parentHandle, inSensitive, inPublic }).text).toBe("TPM_RC_TYPE (parameter 2)");
});

describe("pct", () => {
  test("changes no key", () => {
    const name = (tpm: TestTpm, template: Parameters<typeof createKey>[1]) => toHex(createKey(tpm, template).name);
    for (const template of [eccTemplate({ sign: true }), rsaTemplate({ sign: true, decrypt: true })]) {
      expect(name(withAttribute("pct"), template)).toBe(name(TestTpm.started(), template));
    }
  });

  test("notices a key pair that is none", () => {
    const broken = createPortableProvider();
    broken.multiplyAddX = () => 1n;
    const tpm = TestTpm.started({ profile: custom({ Attributes: "pct" }), platform: new TestPlatform("vtpm", broken) });
    expect(() => createKey(tpm, eccTemplate({ sign: true }))).toThrow("TPM_RC_NO_RESULT");
    expect(createKey(tpm, eccTemplate({ decrypt: true })).handle).toBe(0x8000_0000);
  });
});

test("drbg-continous-test takes a generator that repeats itself for a fault", () => {
  const stuck = new (class extends TestPlatform {
    isStuck = false;
    override entropy(size: number): Bytes {
      return this.isStuck ? new Uint8Array(size) : super.entropy(size);
    }
  })();
  const tpm = TestTpm.started({ profile: custom({ Attributes: "drbg-continous-test" }), platform: stuck });
  expect(tpm.run(GetRandom, { bytesRequested: 32 }).text).toBe("TPM_RC_SUCCESS");
  stuck.isStuck = true;
  expect(() => tpm.run(GetRandom, { bytesRequested: 32 })).toThrow("repeats itself");
});

import { bigIntToBytes } from "@vtpm/crypto";
import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ECC_CURVE, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { text as bytesOf, hash, hmac } from "../../testing/caller-crypto.ts";
import { isSignatureOf } from "../../testing/caller-verify.ts";
import { cipherTemplate, createKey, eccTemplate, keyedHashTemplate, rsaTemplate } from "../../testing/create-key.ts";
import { givenObject, givenRsaKey } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Commit } from "../ephemeral-keys/Commit.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { Hash } from "../symmetric/Hash.ts";
import { Sign } from "./Sign.ts";
import { VerifySignature } from "./VerifySignature.ts";

const { SHA1, SHA256, SHA384, SHA512 } = TPM_ALG;
const NONE = { scheme: TPM_ALG.NULL } as const;
const SIGNS = { sign: true };
const NO_TICKET = { tag: TPM_ST.HASHCHECK, hierarchy: TPM_RH.NULL, digest: EMPTY };
const message = bytesOf("message");
type Hashing = typeof SHA1 | typeof SHA256 | typeof SHA384 | typeof SHA512;
type SchemeName = "RSASSA" | "RSAPSS" | "ECDSA" | "SM2" | "ECSCHNORR" | "HMAC";
const scheme = (name: SchemeName, hashAlg: Hashing) => ({ scheme: TPM_ALG[name], details: { hashAlg } });

const sign = (tpm: TestTpm, keyHandle: number, inScheme: object, hashAlg: Hashing = SHA256, validation = NO_TICKET) =>
  tpm.run(Sign, { keyHandle, digest: hash(hashAlg, message), inScheme, validation });

describe("OpenSSL takes signatures", () => {
  test.each([1024, 2048, 3072] as const)("of an RSA key of %i bits", (keyBits) => {
    const tpm = TestTpm.started();
    const { handle, publicArea } = createKey(tpm, rsaTemplate(SIGNS, NONE, keyBits));
    for (const name of ["RSASSA", "RSAPSS"] as const) {
      for (const hashAlg of [SHA1, SHA256, SHA384, SHA512] as const) {
        const { signature } = sign(tpm, handle, scheme(name, hashAlg), hashAlg).out;
        expect(signature.signature.sig.length).toBe(keyBits / 8);
        expect(isSignatureOf(publicArea, message, signature)).toBe(true);
      }
    }
  });

  test.each(["NIST_P256", "NIST_P384", "NIST_P521"] as const)("of an ECC key on %s", (curve) => {
    const tpm = TestTpm.started();
    const { handle, publicArea } = createKey(tpm, eccTemplate(SIGNS, NONE, TPM_ECC_CURVE[curve]));
    for (const hashAlg of [SHA1, SHA256, SHA384, SHA512] as const) {
      const { signature } = sign(tpm, handle, scheme("ECDSA", hashAlg), hashAlg).out;
      expect(isSignatureOf(publicArea, message, signature)).toBe(true);
    }
  });
});

describe("TPM2_VerifySignature takes signatures", () => {
  const curves = ["NIST_P192", "NIST_P224", "NIST_P256", "NIST_P521", "BN_P256", "BN_P638", "SM2_P256"] as const;
  test.each(curves)("of an ECC key on %s", (curve) => {
    const tpm = TestTpm.started();
    const { handle: keyHandle } = createKey(tpm, eccTemplate(SIGNS, NONE, TPM_ECC_CURVE[curve]));
    const digest = hash(SHA256, message);
    for (const name of ["ECDSA", "ECSCHNORR", "SM2"] as const) {
      const { signature } = sign(tpm, keyHandle, scheme(name, SHA256)).out;
      expect(tpm.run(VerifySignature, { keyHandle, digest, signature }).text).toBe("TPM_RC_SUCCESS");
      const other = { keyHandle, digest: hash(SHA256, digest), signature };
      expect(tpm.run(VerifySignature, other).text).toBe("TPM_RC_SIGNATURE (parameter 2)");
    }
  });
});

describe("the scheme", () => {
  test("of the key is used when the command names none", () => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, rsaTemplate(SIGNS, { scheme: TPM_ALG.RSAPSS, details: { hashAlg: SHA384 } }));
    expect(sign(tpm, handle, NONE, SHA384).out.signature).toMatchObject({
      sigAlg: TPM_ALG.RSAPSS,
      signature: { hash: SHA384 },
    });
  });

  const ecdsa256 = { scheme: TPM_ALG.ECDSA, details: { hashAlg: SHA256 } } as const;
  const hmac256 = { scheme: TPM_ALG.HMAC, details: { hashAlg: SHA256 } } as const;
  const anyHash = keyedHashTemplate({ sign: true, decrypt: true });
  test.each([
    ["none at all", eccTemplate(SIGNS), NONE],
    ["another one than the key's", eccTemplate(SIGNS, ecdsa256), scheme("ECSCHNORR", SHA256)],
    ["another hash than the key's", eccTemplate(SIGNS, ecdsa256), scheme("ECDSA", SHA1)],
    ["ECC with an RSA key", rsaTemplate(SIGNS), scheme("ECDSA", SHA256)],
    ["HMAC with an RSA key", rsaTemplate(SIGNS), scheme("HMAC", SHA256)],
    ["RSA with an ECC key", eccTemplate(SIGNS), scheme("RSASSA", SHA256)],
    ["RSA with an HMAC key", keyedHashTemplate(SIGNS, hmac256), scheme("RSASSA", SHA256)],
    ["RSA with a keyed hash without scheme", anyHash, scheme("RSASSA", SHA256)],
    ["ECC with a keyed hash without scheme", anyHash, scheme("ECDSA", SHA256)],
    ["none with a keyed hash without scheme", anyHash, NONE],
  ])("is refused: %s", (_, template, inScheme) => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, template);
    expect(sign(tpm, handle, inScheme).text).toBe("TPM_RC_SCHEME (parameter 2)");
  });

  test("HMAC goes with a keyed hash without scheme", () => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, keyedHashTemplate({ sign: true, decrypt: true, sensitiveDataOrigin: false }), {
      data: bytesOf("key"),
    });
    const { signature } = sign(tpm, handle, scheme("HMAC", SHA512), SHA512).out;
    const digest = hmac(SHA512, bytesOf("key"), hash(SHA512, message));
    expect(signature).toEqual({ sigAlg: TPM_ALG.HMAC, signature: { hashAlg: SHA512, digest } });
  });

  test("ECDAA of the key alone is not enough: the count is missing", () => {
    const tpm = TestTpm.started();
    const template = eccTemplate(SIGNS, { scheme: TPM_ALG.ECDAA, details: { hashAlg: SHA256, count: 0 } });
    expect(sign(tpm, createKey(tpm, template).handle, NONE).text).toBe("TPM_RC_SCHEME (parameter 2)");
  });
});

describe("the key", () => {
  test.each([
    ["for decryption", rsaTemplate({ decrypt: true }), "TPM_RC_KEY (handle 1)"],
    ["for block ciphers", cipherTemplate(SIGNS), "TPM_RC_KEY (handle 1)"],
    ["for certificates", eccTemplate({ sign: true, x509sign: true }), "TPM_RC_ATTRIBUTES (handle 1)"],
  ])("is refused: one %s", (_, template, text) => {
    const tpm = TestTpm.started();
    expect(sign(tpm, createKey(tpm, template).handle, NONE).text).toBe(text);
  });

  test("is refused: a sequence", () => {
    const tpm = TestTpm.started();
    const { sequenceHandle } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: SHA256 }).out;
    expect(sign(tpm, sequenceHandle, NONE).text).toBe("TPM_RC_KEY (handle 1)");
  });

  test("of numbers that are no primes is refused", () => {
    const tpm = TestTpm.started();
    const [P, Q] = [2n ** 1024n - 1n, 2n ** 1024n - 3n];
    const prime = bigIntToBytes(P, 128);
    const keyHandle = givenRsaKey(tpm, bigIntToBytes(P * Q, 256), prime, { sign: true, userWithAuth: true });
    expect(sign(tpm, keyHandle, scheme("RSASSA", SHA256)).text).toBe("TPM_RC_FAILURE");
    expect(tpm.tpm.state.ram.failed).toBe(0);
  });

  test("that SM2 cannot use is refused", () => {
    const tpm = TestTpm.started();
    const d = new Uint8Array(32).fill(0xff);
    d.set(Uint8Array.of(0xff, 0xff, 0xff, 0xfe));
    d.set([0x72, 0x03, 0xdf, 0x6b, 0x21, 0xc6, 0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x22], 16);
    const template = eccTemplate(SIGNS, NONE, TPM_ECC_CURVE.SM2_P256);
    const sensitive = { sensitiveType: TPM_ALG.ECC, authValue: EMPTY, seedValue: EMPTY, sensitive: d } as const;
    expect(sign(tpm, givenObject(tpm, template, sensitive), scheme("SM2", SHA256)).text).toBe("TPM_RC_NO_RESULT");
    expect(tpm.faults).toEqual([]);
  });
});

describe("the ticket", () => {
  const restricted = rsaTemplate(
    { sign: true, restricted: true },
    { scheme: TPM_ALG.RSASSA, details: { hashAlg: SHA256 } },
    1024,
  );

  test("lets a restricted key sign", () => {
    const tpm = TestTpm.started();
    const { handle, publicArea } = createKey(tpm, restricted);
    const { validation } = tpm.run(Hash, { data: message, hashAlg: SHA256, hierarchy: TPM_RH.OWNER }).out;
    const { signature } = sign(tpm, handle, NONE, SHA256, validation).out;
    expect(isSignatureOf(publicArea, message, signature)).toBe(true);
  });

  test("is missing, or of other data, another hierarchy or another hash", () => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, restricted);
    const ticket = (data: Uint8Array, hashAlg: number) =>
      tpm.run(Hash, { data, hashAlg, hierarchy: TPM_RH.OWNER }).out.validation;
    const good = ticket(message, SHA256);
    for (const validation of [
      NO_TICKET,
      ticket(bytesOf("other"), SHA256),
      ticket(message, SHA1),
      { ...good, hierarchy: TPM_RH.ENDORSEMENT },
      { ...good, digest: good.digest.slice(1) },
    ]) {
      expect(sign(tpm, handle, NONE, SHA256, validation).text).toBe("TPM_RC_TICKET (parameter 3)");
    }
  });

  test("is checked even where none was needed", () => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, eccTemplate(SIGNS));
    const validation = { ...NO_TICKET, digest: new Uint8Array(64) };
    expect(sign(tpm, handle, scheme("ECDSA", SHA256), SHA256, validation).text).toBe("TPM_RC_TICKET (parameter 3)");
  });
});

test("a digest of another size than the scheme's hash is refused", () => {
  const tpm = TestTpm.started();
  const { handle } = createKey(tpm, eccTemplate(SIGNS));
  expect(sign(tpm, handle, scheme("ECDSA", SHA256), SHA1).text).toBe("TPM_RC_SIZE (parameter 1)");
});

describe("ECDAA", () => {
  const template = eccTemplate(
    SIGNS,
    { scheme: TPM_ALG.ECDAA, details: { hashAlg: SHA256, count: 0 } },
    TPM_ECC_CURVE.BN_P256,
  );
  const commit = (tpm: TestTpm, signHandle: number) =>
    tpm.run(Commit, { signHandle, P1: { x: EMPTY, y: EMPTY }, s2: EMPTY, y2: EMPTY }).out;
  const inScheme = (count: number) => ({ scheme: TPM_ALG.ECDAA, details: { hashAlg: SHA256, count } });

  test("signs once for every commitment", () => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, template);
    const { counter } = commit(tpm, handle);
    const { signature } = sign(tpm, handle, inScheme(counter)).out;
    expect(signature).toMatchObject({ sigAlg: TPM_ALG.ECDAA, signature: { hash: SHA256 } });
    expect(signature.signature.signatureS.length).toBe(32);
    expect(sign(tpm, handle, inScheme(counter)).text).toBe("TPM_RC_VALUE");
  });

  test("signs in any order, but not for a count that was not given", () => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, template);
    const counters = [1, 2, 3].map(() => commit(tpm, handle).counter);
    expect(sign(tpm, handle, inScheme((counters[2] ?? 0) + 1)).text).toBe("TPM_RC_VALUE");
    for (const counter of counters.reverse()) expect(sign(tpm, handle, inScheme(counter)).text).toBe("TPM_RC_SUCCESS");
  });
});

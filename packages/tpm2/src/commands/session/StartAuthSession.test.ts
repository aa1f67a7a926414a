import { createECDH, generateKeyPairSync } from "node:crypto";
import { type Bytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_SE } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { hash, saltForP256, saltForRsa, text } from "../../testing/caller-crypto.ts";
import {
  givenHmacKey,
  givenIndex,
  givenP256Key,
  givenPersistent,
  givenPin,
  givenRam,
  givenRsaKey,
} from "../../testing/given.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { AES_128_CFB, startPolicy, startSession } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicySecret } from "../enhanced-authorization/PolicySecret.ts";
import { GetRandom } from "../random-number-generator/GetRandom.ts";
import { StartAuthSession } from "./StartAuthSession.ts";

const nonceCaller = hash(TPM_ALG.SHA256, text("nonce")).slice(0, 20);
const plain = {
  tpmKey: TPM_RH.NULL,
  bind: TPM_RH.NULL,
  nonceCaller,
  encryptedSalt: EMPTY,
  sessionType: TPM_SE.HMAC,
  symmetric: { algorithm: TPM_ALG.NULL },
  authHash: TPM_ALG.SHA256,
} as const;

const bytesOf = (base64: string | undefined): Bytes => new Uint8Array(Buffer.from(base64 ?? "", "base64url"));

const rsa = (() => {
  const { n, p } = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  return { modulus: bytesOf(n), prime: bytesOf(p) };
})();

const p256 = (() => {
  const d = hash(TPM_ALG.SHA256, text("private"));
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(d);
  const point = new Uint8Array(ecdh.getPublicKey());
  return { d, point: { x: point.slice(1, 33), y: point.slice(33) } };
})();

describe("TPM2_StartAuthSession", () => {
  test.each([
    ["an HMAC session", TPM_SE.HMAC, 0x0200_0000],
    ["a policy session", TPM_SE.POLICY, 0x0300_0000],
    ["a trial session", TPM_SE.TRIAL, 0x0300_0000],
  ])("starts %s", (_name, sessionType, sessionHandle) => {
    const tpm = TestTpm.started();
    const { out } = tpm.run(StartAuthSession, { ...plain, sessionType });
    expect(out.sessionHandle).toBe(sessionHandle);
    expect(out.nonceTPM).toHaveLength(nonceCaller.length);
  });

  test.each([
    ["SHA-1", TPM_ALG.SHA1, 15, "TPM_RC_SIZE (parameter 1)"],
    ["SHA-1", TPM_ALG.SHA1, 16, "TPM_RC_SUCCESS"],
    ["SHA-1", TPM_ALG.SHA1, 20, "TPM_RC_SUCCESS"],
    ["SHA-1", TPM_ALG.SHA1, 21, "TPM_RC_SIZE (parameter 1)"],
    ["SHA-512", TPM_ALG.SHA512, 64, "TPM_RC_SUCCESS"],
  ])("%s with a nonce of %i bytes", (_name, authHash, size, outcome) => {
    const tpm = TestTpm.started();
    const answer = tpm.run(StartAuthSession, { ...plain, authHash, nonceCaller: new Uint8Array(size) });
    expect(answer.text).toBe(outcome);
    if (answer.rc === 0) expect(answer.out.nonceTPM).toHaveLength(size);
  });

  test("a salt encrypted to an RSA key goes into the session key", () => {
    const tpm = TestTpm.started();
    const tpmKey = givenRsaKey(tpm, rsa.modulus, rsa.prime);
    const salt = text("a salt that nobody else knows");
    const encryptedSalt = saltForRsa(rsa.modulus, TPM_ALG.SHA256, salt);
    const session = startSession(tpm, { tpmKey, salt, encryptedSalt, symmetric: AES_128_CFB });
    session.with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, { bytesRequested: 8 }, [session]).text).toBe("TPM_RC_SUCCESS");
  });

  test("a salt agreed on with an ECC key goes into the session key", () => {
    const tpm = TestTpm.started();
    const tpmKey = givenP256Key(tpm, p256.point, p256.d);
    const { salt, encrypted } = saltForP256(p256.point, TPM_ALG.SHA256);
    const session = startSession(tpm, { tpmKey, salt, encryptedSalt: encrypted, symmetric: AES_128_CFB });
    session.with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, { bytesRequested: 8 }, [session]).text).toBe("TPM_RC_SUCCESS");
  });

  test.each<[name: string, change: (tpm: TestTpm) => object, outcome: string]>([
    ["a salt without a key", () => ({ encryptedSalt: text("salt") }), "TPM_RC_VALUE (parameter 2)"],
    [
      "a key that is not asymmetric, before the missing salt",
      (tpm) => ({ tpmKey: givenHmacKey(tpm, text("key")) }),
      "TPM_RC_KEY (handle 1)",
    ],
    [
      "no salt, before the missing private part",
      (tpm) => ({ tpmKey: givenRsaKey(tpm, rsa.modulus) }),
      "TPM_RC_VALUE (parameter 2)",
    ],
    [
      "a key without its private part, before its attributes",
      (tpm) => ({ tpmKey: givenRsaKey(tpm, rsa.modulus, undefined, { sign: true }), encryptedSalt: text("salt") }),
      "TPM_RC_HANDLE (handle 1)",
    ],
    [
      "a key that does not decrypt",
      (tpm) => ({ tpmKey: givenRsaKey(tpm, rsa.modulus, rsa.prime, { sign: true }), encryptedSalt: text("salt") }),
      "TPM_RC_ATTRIBUTES (handle 1)",
    ],
    [
      "a salt of the wrong size",
      (tpm) => ({ tpmKey: givenRsaKey(tpm, rsa.modulus, rsa.prime), encryptedSalt: text("salt") }),
      "TPM_RC_VALUE (parameter 2)",
    ],
    [
      "a salt with wrong padding, before the entity to bind to",
      (tpm) => ({
        tpmKey: givenRsaKey(tpm, rsa.modulus, rsa.prime),
        encryptedSalt: new Uint8Array(256).fill(1),
        bind: givenPin(tpm, "PIN_PASS", 0, 1, EMPTY),
      }),
      "TPM_RC_VALUE (parameter 2)",
    ],
    [
      "a point that is not on the curve",
      (tpm) => ({
        tpmKey: givenP256Key(tpm, p256.point, p256.d),
        encryptedSalt: Uint8Array.of(0, 1, 5, 0, 1, 5),
      }),
      "TPM_RC_VALUE (parameter 2)",
    ],
    [
      "half a point",
      (tpm) => ({ tpmKey: givenP256Key(tpm, p256.point, p256.d), encryptedSalt: Uint8Array.of(0, 32, 1) }),
      "TPM_RC_VALUE (parameter 2)",
    ],
    [
      "binding to an object of which only the public area is loaded",
      (tpm) => ({ bind: givenRsaKey(tpm, rsa.modulus) }),
      "TPM_RC_HANDLE (handle 2)",
    ],
    [
      "binding to a PIN Pass Index",
      (tpm) => ({ bind: givenPin(tpm, "PIN_PASS", 0, 9, EMPTY) }),
      "TPM_RC_HANDLE (handle 2)",
    ],
    [
      "binding to a PIN Fail Index, before the mode",
      (tpm) => ({
        bind: givenPin(tpm, "PIN_FAIL", 0, 9, EMPTY),
        symmetric: { ...AES_128_CFB, mode: TPM_ALG.CBC },
      }),
      "TPM_RC_HANDLE (handle 2)",
    ],
    [
      "a mode other than CFB",
      () => ({ symmetric: { ...AES_128_CFB, mode: TPM_ALG.CBC } }),
      "TPM_RC_MODE (parameter 4)",
    ],
    ["no mode", () => ({ symmetric: { ...AES_128_CFB, mode: TPM_ALG.NULL } }), "TPM_RC_MODE (parameter 4)"],
    ["a hash the TPM lacks", () => ({ authHash: TPM_ALG.SM3_256 }), "TPM_RC_HASH (parameter 5)"],
    ["no hash", () => ({ authHash: TPM_ALG.NULL }), "TPM_RC_HASH (parameter 5)"],
    ["a type between policy and trial", () => ({ sessionType: 2 }), "TPM_RC_VALUE (parameter 3)"],
    ["binding to an ordinary Index", (tpm) => ({ bind: givenIndex(tpm) }), "TPM_RC_SUCCESS"],
    ["XOR", () => ({ symmetric: { algorithm: TPM_ALG.XOR, keyBits: TPM_ALG.SHA256 } }), "TPM_RC_SUCCESS"],
  ])("%s", (_name, change, outcome) => {
    const tpm = TestTpm.started();
    expect(tpm.run(StartAuthSession, { ...plain, ...change(tpm) }).text).toBe(outcome);
    expect(tpm.faults).toEqual([]);
  });

  test("three sessions are loaded at most", () => {
    const tpm = TestTpm.started();
    const answers = [1, 2, 3, 4].map(() => tpm.run(StartAuthSession, plain));
    expect(answers.map(({ text: outcome }) => outcome)).toEqual([
      "TPM_RC_SUCCESS",
      "TPM_RC_SUCCESS",
      "TPM_RC_SUCCESS",
      "TPM_RC_SESSION_MEMORY",
    ]);
    expect(answers.slice(0, 3).map(({ out }) => out.sessionHandle)).toEqual([0x0200_0000, 0x0200_0001, 0x0200_0002]);
  });

  test("64 sessions are active at most", () => {
    const tpm = TestTpm.started();
    const { stateReset } = tpm.tpm.state.ram;
    const saved = Array.from({ length: 64 }, (_, i) => (i === 40 ? 0 : 100 + i));
    givenRam(tpm, { stateReset: { ...stateReset, contextArray: saved, contextCounter: 200n } });
    expect(tpm.run(StartAuthSession, plain).out.sessionHandle).toBe(0x0200_0028);
    expect(tpm.run(StartAuthSession, plain).text).toBe("TPM_RC_SESSION_HANDLES");
  });

  test("the last slot is kept for a saved session that must be loaded before others can be saved", () => {
    const tpm = TestTpm.started();
    const { stateReset } = tpm.tpm.state.ram;
    const contextArray = stateReset.contextArray.map((entry, i) => (i === 9 ? 200 : entry));
    givenRam(tpm, { stateReset: { ...stateReset, contextArray, contextCounter: 0x1_0000n + 200n } });
    expect([1, 2, 3].map(() => tpm.run(StartAuthSession, plain).text)).toEqual([
      "TPM_RC_SUCCESS",
      "TPM_RC_SUCCESS",
      "TPM_RC_CONTEXT_GAP",
    ]);
  });

  test("the time of a policy session begins here", () => {
    const tpm = TestTpm.started();
    tpm.platform.clock += 60_000;
    const session = startPolicy(tpm);
    tpm.platform.clock += 1000;
    const input = { authHandle: TPM_RH.OWNER, policySession: session.handle, cpHashA: EMPTY, policyRef: EMPTY };
    expect(tpm.run(PolicySecret, { ...input, nonceTPM: session.nonceTPM, expiration: 1 }).text).toBe("TPM_RC_SUCCESS");
    expect(digestOf(tpm, session)).not.toEqual(extended(noPolicy(), TPM_CC.PolicySecret));
  });

  test("a session bound to lockout is remembered as such", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { lockoutAuth: text("lockout") });
    const bound = startSession(tpm, { bind: TPM_RH.LOCKOUT, bindAuth: text("lockout"), symmetric: AES_128_CFB });
    bound.with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, { bytesRequested: 8 }, [bound]).text).toBe("TPM_RC_SUCCESS");
    givenPersistent(tpm, { lockOutAuthEnabled: 0 });
    expect(tpm.run(GetRandom, { bytesRequested: 8 }, [bound]).text).toBe("TPM_RC_LOCKOUT");
  });
});

import { createECDH, createPrivateKey, generateKeyPairSync, sign as nodeSign } from "node:crypto";
import { type Bytes, concatBytes, decode, encode, UINT32, UINT64 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1, type Profile, parseProfile } from "../../profile.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import type { TPMT_SIGNATURE } from "../../spec/structures/index.ts";
import { SLOT } from "../../state/object.ts";
import { hash, hmac, text } from "../../testing/caller-crypto.ts";
import { keyedHashTemplate } from "../../testing/create-key.ts";
import { givenHmacKey, givenObject, givenP256Key, givenRam, givenRsaKey } from "../../testing/given.ts";
import { digestOf, noPolicy, updated } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyCpHash } from "./PolicyCpHash.ts";
import { PolicySigned } from "./PolicySigned.ts";
import { PolicyTicket } from "./PolicyTicket.ts";

const { SHA1, SHA256 } = TPM_ALG;
const none = new Uint8Array(0);
const some = hash(SHA256, text("some"));
const key = text("the authority's key");
const policyRef = text("what for");
const int32 = (value: number): number => (value < 0 ? value + 2 ** 32 : value);

/** What is authorized: what the signature is over. */
interface Terms {
  readonly nonceTPM: Bytes;
  readonly cpHashA: Bytes;
  readonly policyRef: Bytes;
  readonly expiration: number;
}
const anything: Terms = { nonceTPM: none, cpHashA: none, policyRef: none, expiration: 0 };

const signedBytes = ({ nonceTPM, expiration, cpHashA, policyRef: ref }: Terms): Bytes =>
  concatBytes(nonceTPM, encode(UINT32, expiration), cpHashA, ref);

const hmacOf = (terms: Terms, hashAlg: typeof SHA1 | typeof SHA256 = SHA256): TPMT_SIGNATURE => ({
  sigAlg: TPM_ALG.HMAC,
  signature: { hashAlg, digest: hmac(hashAlg, key, hash(hashAlg, signedBytes(terms))) },
});

/** A TPM with the authority's HMAC key, and a way to run the command with right signatures. */
function given(session = startPolicy, profile = DEFAULT_V1) {
  const tpm = TestTpm.started({ profile });
  tpm.platform.clock += 5000;
  const authObject = givenHmacKey(tpm, key);
  const caller = session(tpm);
  const run = (terms: Partial<Terms> = {}, auth?: TPMT_SIGNATURE) => {
    const all = { ...anything, ...terms };
    return tpm.run(PolicySigned, { authObject, policySession: caller.handle, ...all, auth: auth ?? hmacOf(all) });
  };
  return { tpm, authObject, session: caller, run };
}

describe("TPM2_PolicySigned", () => {
  test("hashes the Name of the key and the policyRef", () => {
    const { tpm, authObject, session, run } = given();
    const { nonceTPM } = session;
    expect(run({ nonceTPM, policyRef, expiration: 100 }).out).toEqual({
      timeout: none,
      policyTicket: { tag: TPM_ST.AUTH_SIGNED, hierarchy: TPM_RH.NULL, digest: none },
    });
    const name = tpm.nameOf(authObject);
    expect(digestOf(tpm, session)).toEqual(updated(noPolicy(), TPM_CC.PolicySigned, name, policyRef));
  });

  test("a profile may refuse the signature's hash, and the size of its key", () => {
    const strict = parseProfile('{"Name":"custom:strict","Attributes":"no-sha1-hmac-verification"}');
    const bySha1 = (profile: Profile): string => {
      const { tpm, session } = given(startPolicy, profile);
      const anyHash = keyedHashTemplate({ sign: true, decrypt: true });
      const secret = { sensitiveType: TPM_ALG.KEYEDHASH, authValue: none, seedValue: none, sensitive: key } as const;
      const authObject = givenObject(tpm, anyHash, secret);
      const input = { authObject, policySession: session.handle, ...anything, auth: hmacOf(anything, SHA1) };
      return tpm.run(PolicySigned, input).text;
    };
    expect(bySha1(strict)).toBe("TPM_RC_HASH (parameter 5)");
    expect(bySha1(DEFAULT_V1)).toBe("TPM_RC_SUCCESS");
    const Algorithms = `${DEFAULT_V1.lists.algorithms},hmac-min-key-size=256`;
    const longKeys = parseProfile(JSON.stringify({ Name: "custom:strict", Algorithms }));
    expect(given(startPolicy, longKeys).run().text).toBe("TPM_RC_KEY_SIZE (parameter 5)");
  });

  test("every term is signed", () => {
    const { session, run } = given();
    const { nonceTPM } = session;
    const signature = hmacOf({ ...anything, nonceTPM });
    for (const other of [{ policyRef }, { expiration: 77 }, { cpHashA: some }]) {
      expect(run({ nonceTPM, ...other }, signature).text).toBe("TPM_RC_SIGNATURE (parameter 5)");
    }
    expect(run({}, signature).text).toBe("TPM_RC_SIGNATURE (parameter 5)");
    expect(run({ nonceTPM }, signature).text).toBe("TPM_RC_SUCCESS");
  });

  test("of several mistakes the first in this order is reported: nonce, expiration, size, cpHash, signature", () => {
    const { tpm, session, run } = given();
    tpm.run(PolicyCpHash, { policySession: session.handle, cpHashA: some });
    tpm.platform.clock += 5000;
    const forged = hmacOf({ ...anything, policyRef: text("forged") });
    const { nonceTPM } = session;
    const wrong = { nonceTPM: some, expiration: 1, cpHashA: new Uint8Array(1) };
    expect(run(wrong, forged).text).toBe("TPM_RC_NONCE (parameter 1)");
    expect(run({ ...wrong, nonceTPM }, forged).text).toBe("TPM_RC_EXPIRED (parameter 4)");
    expect(run({ ...wrong, nonceTPM, expiration: 0 }, forged).text).toBe("TPM_RC_SIZE (parameter 2)");
    expect(run({ nonceTPM, cpHashA: noPolicy() }, forged).text).toBe("TPM_RC_CPHASH");
    expect(run({ nonceTPM, cpHashA: some }, forged).text).toBe("TPM_RC_SIGNATURE (parameter 5)");
    expect(run({ nonceTPM, cpHashA: some }).text).toBe("TPM_RC_SUCCESS");
  });

  test.each<[name: string, auth: TPMT_SIGNATURE, outcome: string]>([
    [
      "ECDAA, which no TPM verifies",
      { sigAlg: TPM_ALG.ECDAA, signature: { hash: SHA256, signatureR: some, signatureS: some } },
      "TPM_RC_SCHEME (parameter 5)",
    ],
    [
      "RSA with an HMAC key",
      { sigAlg: TPM_ALG.RSASSA, signature: { hash: SHA256, sig: some } },
      "TPM_RC_SCHEME (parameter 5)",
    ],
    [
      "an HMAC with another hash than the key's",
      {
        sigAlg: TPM_ALG.HMAC,
        signature: { hashAlg: SHA1, digest: hmac(SHA1, key, hash(SHA1, signedBytes(anything))) },
      },
      "TPM_RC_SIGNATURE (parameter 5)",
    ],
  ])("%s", (_name, auth, outcome) => {
    expect(given().run({}, auth).text).toBe(outcome);
  });

  test("an HMAC key of which only the public area is loaded", () => {
    const { tpm, authObject, run } = given();
    const object = tpm.tpm.state.ram.objects.get(authObject);
    if (object?.kind !== SLOT.KEY) throw new Error("no key");
    const objects = new Map(tpm.tpm.state.ram.objects).set(authObject, { ...object, sensitive: undefined });
    givenRam(tpm, { objects });
    expect(run().text).toBe("TPM_RC_HANDLE (parameter 5)");
  });

  test("verifies ECDSA", () => {
    const { tpm, session } = given();
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(hash(SHA256, text("private")));
    const point = new Uint8Array(ecdh.getPublicKey());
    const [x, y] = [point.slice(1, 33), point.slice(33)];
    const base64 = (bytes: Bytes): string => Buffer.from(bytes).toString("base64url");
    const d = base64(hash(SHA256, text("private")));
    const jwk = { kty: "EC", crv: "P-256", x: base64(x), y: base64(y), d };
    const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
    const rs = new Uint8Array(
      nodeSign("sha256", signedBytes(anything), { key: privateKey, dsaEncoding: "ieee-p1363" }),
    );
    const authObject = givenP256Key(tpm, { x, y }, undefined, { sign: true });
    const auth = {
      sigAlg: TPM_ALG.ECDSA,
      signature: { hash: SHA256, signatureR: rs.slice(0, 32), signatureS: rs.slice(32) },
    } as const;
    const input = { authObject, policySession: session.handle, ...anything };
    expect(tpm.run(PolicySigned, { ...input, policyRef, auth }).text).toBe("TPM_RC_SIGNATURE (parameter 5)");
    expect(tpm.run(PolicySigned, { ...input, auth }).text).toBe("TPM_RC_SUCCESS");
  });

  test("verifies RSASSA", () => {
    const { tpm, session } = given();
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const sig = new Uint8Array(nodeSign("sha256", signedBytes(anything), privateKey));
    const modulus = new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).n ?? "", "base64url"));
    const authObject = givenRsaKey(tpm, modulus, undefined, { sign: true });
    const auth = { sigAlg: TPM_ALG.RSASSA, signature: { hash: SHA256, sig } } as const;
    const input = { authObject, policySession: session.handle, ...anything };
    expect(tpm.run(PolicySigned, { ...input, expiration: 9, auth }).text).toBe("TPM_RC_SIGNATURE (parameter 5)");
    expect(tpm.run(PolicySigned, { ...input, auth }).text).toBe("TPM_RC_SUCCESS");
  });

  test("checks nothing in a trial session", () => {
    const { tpm, authObject, session, run } = given(startTrial);
    const daa = { sigAlg: TPM_ALG.ECDAA, signature: { hash: SHA256, signatureR: some, signatureS: some } } as const;
    const terms = { nonceTPM: some, cpHashA: some, policyRef, expiration: int32(-1) };
    expect(run(terms, daa).out.policyTicket.hierarchy).toBe(TPM_RH.NULL);
    const name = tpm.nameOf(authObject);
    expect(digestOf(tpm, session)).toEqual(updated(noPolicy(), TPM_CC.PolicySigned, name, policyRef));
  });

  test("negative expiration: a ticket, which stands for the signature later", () => {
    const { tpm, authObject, run } = given();
    const terms = { policyRef, cpHashA: some, expiration: int32(-100) };
    const { timeout, policyTicket } = run(terms).out;
    expect(decode(UINT64, timeout)).toBe(100_000n + 2n ** 63n);
    expect(policyTicket.tag).toBe(TPM_ST.AUTH_SIGNED);
    const later = startPolicy(tpm);
    const authName = tpm.nameOf(authObject);
    const input = { policySession: later.handle, timeout, cpHashA: some, policyRef, authName, ticket: policyTicket };
    expect(tpm.run(PolicyTicket, input).text).toBe("TPM_RC_SUCCESS");
    expect(digestOf(tpm, later)).toEqual(updated(noPolicy(), TPM_CC.PolicySigned, authName, policyRef));
  });
});

import { bytesToBigInt, CURVES } from "@vtpm/crypto";
import { createNodeProvider } from "@vtpm/crypto/node";
import { type Bytes, EMPTY, encode, UINT64 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ECC_CURVE } from "../../spec/constants.ts";
import type { TPMS_ECC_POINT } from "../../spec/structures/index.ts";
import { text as bytesOf, hash, hmac } from "../../testing/caller-crypto.ts";
import { createKey, eccTemplate, rsaTemplate } from "../../testing/create-key.ts";
import { givenObject, givenRam } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { ECDH_KeyGen } from "../asymmetric/ECDH_KeyGen.ts";
import { Commit } from "./Commit.ts";
import { EC_Ephemeral } from "./EC_Ephemeral.ts";

const crypto = createNodeProvider();
const NO_POINT: TPMS_ECC_POINT = { x: EMPTY, y: EMPTY };
const ECDAA = { scheme: TPM_ALG.ECDAA, details: { hashAlg: TPM_ALG.SHA256, count: 0 } } as const;
const template = eccTemplate({ sign: true }, ECDAA, TPM_ECC_CURVE.NIST_P256);
const toPoint = ({ x, y }: TPMS_ECC_POINT) => ({ x: bytesToBigInt(x), y: bytesToBigInt(y) });

/** The secret of a commitment by the formula of libtpms, whose KDF counter starts at 2. */
function secretOf({ tpm }: TestTpm, name: Bytes, count: bigint): bigint {
  const { commitNonce } = tpm.state.ram.stateReset;
  const key = kdfaFrom2(commitNonce, name, encode(UINT64, count));
  const r = bytesToBigInt(key);
  if (r >= CURVES.NIST_P256.n) throw new Error("the first try of this test is out of range");
  return r;
}

/** The second block of KDFa. */
function kdfaFrom2(key: Bytes, u: Bytes, v: Bytes): Bytes {
  const label = bytesOf("ECDAA Commit\0");
  const blockInput = [Uint8Array.of(0, 0, 0, 2), label, u, v, Uint8Array.of(0, 0, 1, 0)];
  return hmac(TPM_ALG.SHA512, key, ...blockInput).slice(0, 32);
}

/** A point on the curve whose x is the hash of s2, as TPM2_Commit asks for it. */
function hashedPoint(): { s2: Bytes; y2: Bytes; point: { x: bigint; y: bigint } } {
  const { p, a, b } = CURVES.NIST_P256;
  for (let i = 0; ; i++) {
    const s2 = bytesOf(`basename ${i}`);
    const x = bytesToBigInt(hash(TPM_ALG.SHA256, s2)) % p;
    const square = (x * x * x + a * x + b) % p;
    const y = crypto.modPow(square, (p + 1n) / 4n, p);
    if ((y * y) % p === square) return { s2, y2: toBytes(y), point: { x, y } };
  }
}

const toBytes = (value: bigint): Bytes =>
  Uint8Array.from({ length: 32 }, (_, i) => Number(BigInt.asUintN(8, value / 256n ** BigInt(31 - i))));

describe("TPM2_Commit", () => {
  test("without points multiplies the generator by its secret", () => {
    const tpm = TestTpm.started();
    const { handle: signHandle, name } = createKey(tpm, template);
    const r = secretOf(tpm, name, tpm.tpm.state.ram.stateReset.commitCounter);
    const { K, L, E, counter } = tpm.run(Commit, { signHandle, P1: NO_POINT, s2: EMPTY, y2: EMPTY }).out;
    expect([K, L, counter]).toEqual([NO_POINT, NO_POINT, 0]);
    expect(toPoint(E)).toEqual(crypto.multiplyBase("NIST_P256", r));
  });

  test("multiplies P1 by its secret, and the point of s2 by secret and private key", () => {
    const tpm = TestTpm.started();
    const { handle: signHandle, name } = createKey(tpm, template);
    const { pubPoint: P1 } = tpm.run(ECDH_KeyGen, { keyHandle: signHandle }).out;
    const { s2, y2, point } = hashedPoint();
    const r = secretOf(tpm, name, 0n);
    const d = bytesToBigInt(privateKeyOf(tpm, signHandle));
    const { K, L, E } = tpm.run(Commit, { signHandle, P1, s2, y2 }).out;
    expect(toPoint(K)).toEqual(crypto.multiply("NIST_P256", point, d));
    expect(toPoint(L)).toEqual(crypto.multiply("NIST_P256", point, r));
    expect(toPoint(E)).toEqual(crypto.multiply("NIST_P256", toPoint(P1), r));
    const alone = tpm.run(Commit, { signHandle, P1: NO_POINT, s2, y2 }).out;
    expect(alone.E).toEqual(NO_POINT);
    expect(alone.K).toEqual(K);
    expect(alone.L).not.toEqual(L);
  });

  test("counts on from 65535 to 0", () => {
    const tpm = TestTpm.started();
    const { handle: signHandle } = createKey(tpm, template);
    const { stateReset } = tpm.tpm.state.ram;
    givenRam(tpm, { stateReset: { ...stateReset, commitCounter: 0x1_ffffn } });
    const counters = [1, 2].map(() => tpm.run(Commit, { signHandle, P1: NO_POINT, s2: EMPTY, y2: EMPTY }).out.counter);
    expect(counters).toEqual([0xffff, 0]);
    expect(tpm.tpm.state.ram.stateReset.commitCounter).toBe(0x2_0001n);
  });

  const off = { x: Uint8Array.of(1), y: Uint8Array.of(1) };
  test.each([
    ["s2 without y2", { s2: Uint8Array.of(1), P1: off }, "TPM_RC_SIZE (parameter 3)"],
    ["y2 without s2", { y2: Uint8Array.of(1), P1: off }, "TPM_RC_SIZE (parameter 3)"],
    [
      "s2 and y2 that are no point",
      { s2: Uint8Array.of(1), y2: Uint8Array.of(1), P1: off },
      "TPM_RC_ECC_POINT (parameter 2)",
    ],
    ["P1 off the curve", { P1: off }, "TPM_RC_ECC_POINT (parameter 1)"],
  ])("refuses %s, and commits to nothing", (_, wrong, text) => {
    const tpm = TestTpm.started();
    const { handle: signHandle } = createKey(tpm, template);
    expect(tpm.run(Commit, { signHandle, s2: EMPTY, y2: EMPTY, ...wrong }).text).toBe(text);
    expect(tpm.tpm.state.ram.stateReset.commitCounter).toBe(0n);
  });

  test("refuses to hash s2 for a key without a nameAlg", () => {
    const tpm = TestTpm.started();
    const sensitive = { sensitiveType: TPM_ALG.ECC, authValue: EMPTY, seedValue: EMPTY, sensitive: Uint8Array.of(7) };
    const signHandle = givenObject(tpm, { ...template, nameAlg: TPM_ALG.NULL }, sensitive);
    const { s2, y2 } = hashedPoint();
    expect(tpm.run(Commit, { signHandle, P1: NO_POINT, s2, y2 }).text).toBe("TPM_RC_HASH (handle 1)");
    expect(tpm.tpm.state.ram.stateReset.commitCounter).toBe(0n);
  });

  test.each([
    ["a key of another type", rsaTemplate({ sign: true }), "TPM_RC_KEY (handle 1)"],
    ["a key whose scheme tells who signs", eccTemplate({ sign: true }), "TPM_RC_SCHEME (handle 1)"],
  ])("refuses %s", (_, other, text) => {
    const tpm = TestTpm.started();
    const { handle: signHandle } = createKey(tpm, other);
    expect(tpm.run(Commit, { signHandle, P1: NO_POINT, s2: EMPTY, y2: EMPTY }).text).toBe(text);
  });
});

test("TPM2_EC_Ephemeral makes a new key every time", () => {
  const tpm = TestTpm.started();
  const expected = secretOf(tpm, EMPTY, 0n);
  const first = tpm.run(EC_Ephemeral, { curveID: TPM_ECC_CURVE.NIST_P256 }).out;
  const second = tpm.run(EC_Ephemeral, { curveID: TPM_ECC_CURVE.NIST_P256 }).out;
  expect(toPoint(first.Q)).toEqual(crypto.multiplyBase("NIST_P256", expected));
  expect([first.counter, second.counter]).toEqual([0, 1]);
  expect(second.Q).not.toEqual(first.Q);
});

function privateKeyOf({ tpm }: TestTpm, handle: number): Bytes {
  const object = tpm.state.ram.objects.get(handle);
  if (object === undefined || !("sensitive" in object) || object.sensitive === undefined) throw new Error("no key");
  return object.sensitive.sensitive;
}

import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ECC_CURVE } from "../../spec/constants.ts";
import type { TPMS_ECC_POINT } from "../../spec/structures/index.ts";
import { createKey, eccTemplate, keyedHashTemplate } from "../../testing/create-key.ts";
import { TestPlatform } from "../../testing/test-platform.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { EC_Ephemeral } from "../ephemeral-keys/EC_Ephemeral.ts";
import { ECDH_ZGen } from "./ECDH_ZGen.ts";
import { ZGen_2Phase } from "./ZGen_2Phase.ts";

const curveID = TPM_ECC_CURVE.NIST_P256;

interface Party {
  readonly tpm: TestTpm;
  readonly keyA: number;
  readonly staticPoint: TPMS_ECC_POINT;
  readonly ephemeralPoint: TPMS_ECC_POINT;
  readonly counter: number;
}

function party(seed: string): Party {
  const tpm = TestTpm.started({ platform: new TestPlatform(seed) });
  const { handle: keyA, publicArea } = createKey(tpm, eccTemplate({ decrypt: true }));
  if (publicArea.type !== TPM_ALG.ECC) throw new TypeError("not an ECC key");
  const { Q, counter } = tpm.run(EC_Ephemeral, { curveID }).out;
  return { tpm, keyA, staticPoint: publicArea.unique, ephemeralPoint: Q, counter };
}

const exchange = ({ tpm, keyA, counter }: Party, other: Party, inScheme: number) =>
  tpm.run(ZGen_2Phase, { keyA, inQsB: other.staticPoint, inQeB: other.ephemeralPoint, inScheme, counter });

describe("two parties find the same point", () => {
  test.each([
    ["MQV", TPM_ALG.ECMQV],
    ["SM2", TPM_ALG.SM2],
  ])("with %s", (_, inScheme) => {
    const [alice, bob] = [party("alice"), party("bob")];
    const [a, b] = [exchange(alice, bob, inScheme), exchange(bob, alice, inScheme)];
    expect(a.out.outZ1).toEqual(b.out.outZ1);
    expect(a.out.outZ1.x.length).toBe(32);
    expect(a.out.outZ2).toEqual({ x: EMPTY, y: EMPTY });
  });

  test("with ECDH two of them, the first of which TPM2_ECDH_ZGen finds too", () => {
    const [alice, bob] = [party("alice"), party("bob")];
    const [a, b] = [exchange(alice, bob, TPM_ALG.ECDH), exchange(bob, alice, TPM_ALG.ECDH)];
    expect(a.out).toEqual(b.out);
    const { outPoint } = alice.tpm.run(ECDH_ZGen, { keyHandle: alice.keyA, inPoint: bob.staticPoint }).out;
    expect(a.out.outZ1).toEqual(outPoint);
  });
});

describe("TPM2_ZGen_2Phase refuses", () => {
  const [alice, bob] = [party("alice"), party("bob")];
  const off = { x: Uint8Array.of(1), y: Uint8Array.of(1) };
  const good = {
    keyA: alice.keyA,
    inQsB: bob.staticPoint,
    inQeB: bob.ephemeralPoint,
    inScheme: TPM_ALG.ECDH,
    counter: 0,
  };

  test.each([
    ["no scheme", { inScheme: TPM_ALG.NULL, inQsB: off }, "TPM_RC_SCHEME (parameter 3)"],
    ["a static point off the curve", { inQsB: off, inQeB: off }, "TPM_RC_ECC_POINT (parameter 1)"],
    ["an ephemeral point off the curve", { inQeB: off, counter: 9 }, "TPM_RC_ECC_POINT (parameter 2)"],
    ["a counter that was never given", { counter: 1 }, "TPM_RC_VALUE (parameter 4)"],
    ["a counter of another round", { counter: 128 }, "TPM_RC_VALUE (parameter 4)"],
  ])("%s", (_, wrong, text) => {
    expect(alice.tpm.run(ZGen_2Phase, { ...good, ...wrong }).text).toBe(text);
  });

  test("a counter for the second time", () => {
    const { tpm } = party("alice");
    expect(tpm.run(ZGen_2Phase, good).text).toBe("TPM_RC_SUCCESS");
    expect(tpm.run(ZGen_2Phase, good).text).toBe("TPM_RC_VALUE (parameter 4)");
  });

  test.each([
    ["a key of another type", keyedHashTemplate({ sign: true, decrypt: true }), "TPM_RC_KEY (handle 1)"],
    ["a signing key", eccTemplate({ sign: true }), "TPM_RC_ATTRIBUTES (handle 1)"],
    [
      "a key for another scheme",
      eccTemplate({ decrypt: true }, { scheme: TPM_ALG.ECMQV, details: { hashAlg: 11 } }),
      "TPM_RC_SCHEME (parameter 3)",
    ],
  ])("%s", (_, template, text) => {
    const tpm = TestTpm.started();
    const { handle: keyA } = createKey(tpm, template);
    expect(tpm.run(ZGen_2Phase, { ...good, keyA }).text).toBe(text);
  });
});

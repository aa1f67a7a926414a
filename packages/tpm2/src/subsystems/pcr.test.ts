import { describe, expect, test } from "vitest";
import { GetRandom } from "../commands/random-number-generator/GetRandom.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { hash } from "../testing/caller-crypto.ts";
import { givenObject } from "../testing/given.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const { SHA256 } = TPM_ALG;
const pcr = ({ tpm }: TestTpm, n: number): Uint8Array | undefined => tpm.state.ram.pcrs.get(SHA256)?.[n];
const DATA = Uint8Array.of(1, 2, 3, 4, 5);

describe("a dynamic root of trust", () => {
  test("clears the dynamic PCRs and measures into PCR 17", () => {
    const test = TestTpm.started();
    test.tpm.hashStart();
    test.tpm.hashData(DATA.slice(0, 2));
    test.tpm.hashData(DATA.slice(2));
    test.tpm.hashEnd();
    expect(pcr(test, 17)).toEqual(hash(SHA256, new Uint8Array(32), hash(SHA256, DATA)));
    for (const n of [18, 19, 20, 21, 22]) expect(pcr(test, n)).toEqual(new Uint8Array(32));
    expect(test.tpm.state.ram.stateReset.restartCount).toBe(1);
    expect([test.tpm.state.ram.drtmHandle, test.tpm.state.ram.objects.size]).toEqual([TPM_RH.UNASSIGNED, 0]);
  });

  test("sets the established bit, which only localities 3 and 4 clear, and no power cycle", () => {
    const { tpm } = TestTpm.started();
    expect(tpm.established).toBe(false);
    tpm.hashStart();
    expect(tpm.established).toBe(true);
    tpm.powerOn();
    expect(tpm.established).toBe(true);
    expect([0, 1, 2].map((locality) => tpm.resetEstablished(locality))).toEqual([false, false, false]);
    expect(tpm.established).toBe(true);
    expect(tpm.resetEstablished(3)).toBe(true);
    expect(tpm.established).toBe(false);
  });

  test("is given up by any command in between", () => {
    const test = TestTpm.started();
    test.tpm.hashStart();
    expect(test.run(GetRandom, { bytesRequested: 1 }).rc).toBe(0);
    expect(test.tpm.state.ram.objects.size).toBe(0);
    test.tpm.hashData(DATA);
    test.tpm.hashEnd();
    expect(pcr(test, 17)).toEqual(new Uint8Array(32).fill(0xff));
  });

  test("starts over with a second start, and needs one before data and end", () => {
    const test = TestTpm.started();
    test.tpm.hashEnd();
    expect(pcr(test, 17)).toEqual(new Uint8Array(32).fill(0xff));
    test.tpm.hashStart();
    test.tpm.hashData(DATA);
    test.tpm.hashStart();
    test.tpm.hashEnd();
    expect(pcr(test, 17)).toEqual(hash(SHA256, new Uint8Array(32), hash(SHA256)));
  });

  test("takes the slot of the first object if no other is free", () => {
    const test = TestTpm.started();
    const template = {
      type: TPM_ALG.KEYEDHASH,
      nameAlg: SHA256,
      objectAttributes: 0,
      authPolicy: new Uint8Array(),
      parameters: { scheme: { scheme: TPM_ALG.NULL } },
      unique: new Uint8Array(),
    };
    const handles = [0, 1, 2].map(() => givenObject(test, template));
    test.tpm.hashStart();
    expect(test.tpm.state.ram.drtmHandle).toBe(handles[0]);
    test.tpm.hashEnd();
    expect([...test.tpm.state.ram.objects.keys()].sort()).toEqual(handles.slice(1));
  });
});

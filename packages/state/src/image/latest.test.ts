import { createNodeProvider } from "@vtpm/crypto/node";
import { COMMANDS, DEFAULT_V1, LATEST, type NvState, TPM_ALG, TPM_CC, Tpm, type TpmState } from "@vtpm/tpm2";
import { TPM_HT, TPM_RH, TPM_SU, TPMA_NV } from "@vtpm/tpm2/spec";
import { TestPlatform, TestTpm } from "@vtpm/tpm2/testing";
import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { differenceOf } from "../testing/difference.ts";
import { decodePermanent, encodePermanent } from "./permanent.ts";
import { decodeVolatile, encodeVolatile } from "./volatile.ts";

// What only profile `latest` has, and libtpms' layouts have no place for.

const crypto = createNodeProvider();
const clocks = { monotonicMs: 0n, wallClockMs: 1_800_000_000_000n, crypto };
const all = Uint8Array.of(255, 255, 255);
const EXTERNAL = 0x1100_0007;

function run(tpm: TestTpm, code: number, input: object): void {
  const command = COMMANDS.get(code);
  if (command === undefined) throw new Error(`no command 0x${code.toString(16)}`);
  expect(tpm.run(command, input).text).toBe("TPM_RC_SUCCESS");
}

function define(tpm: TestTpm, nvIndex: number, orderly: boolean): void {
  const nv = TPMA_NV.of({ OWNERREAD: true, OWNERWRITE: true, ORDERLY: orderly });
  const attributes = { external: 0, nv };
  const nvPublic2 = { nvIndex, nameAlg: TPM_ALG.SHA256, attributes, authPolicy: EMPTY, dataSize: 4 };
  const publicInfo = { handleType: TPM_HT.EXTERNAL_NV, nvPublic2 };
  run(tpm, TPM_CC.NV_DefineSpace2, { authHandle: TPM_RH.OWNER, auth: EMPTY, publicInfo });
  const data = Uint8Array.of(1, 2, 3, 4);
  run(tpm, TPM_CC.NV_Write, { authHandle: TPM_RH.OWNER, nvIndex, data, offset: 0 });
}

/** A TPM with a bank of SHA-3 and external Indices, one of them orderly. */
function latest(): TestTpm {
  const tpm = TestTpm.started({ profile: LATEST });
  const pcrAllocation = [{ hash: TPM_ALG.SHA3_256, pcrSelect: all }];
  run(tpm, TPM_CC.PCR_Allocate, { authHandle: TPM_RH.PLATFORM, pcrAllocation });
  tpm.powerOn();
  run(tpm, TPM_CC.PCR_Event, { pcrHandle: 3, eventData: Uint8Array.of(1) });
  define(tpm, EXTERNAL, false);
  define(tpm, EXTERNAL + 1, true);
  return tpm;
}

const stopped = (): NvState => {
  const tpm = latest();
  run(tpm, TPM_CC.Shutdown, { shutdownType: TPM_SU.STATE });
  return tpm.tpm.state.nv;
};

describe("the image of a TPM of profile latest", () => {
  test("that is stopped has its banks and external Indices", () => {
    const nv = stopped();
    const image = encodePermanent(nv);
    const again = decodePermanent(image);
    expect(differenceOf(encodePermanent(again), image)).toBeUndefined();
    expect(again.indices).toEqual(nv.indices);
    expect(again.orderlyIndices).toEqual(nv.orderlyIndices);
    expect(again.persistent).toEqual(nv.persistent);
    expect(again.stateClear).toEqual(nv.stateClear);
    const resumed = Tpm.withState(new TestPlatform(), again);
    resumed.powerOn();
    const startup = Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 1);
    expect(resumed.execute(startup, 0).slice(6)).toEqual(new Uint8Array(4));
    expect(resumed.state.ram.pcrs.get(TPM_ALG.SHA3_256)?.[3]).toEqual(
      nv.stateClear?.pcrSave.get(TPM_ALG.SHA3_256)?.[3],
    );
  });

  test("that runs has them too", () => {
    const { state } = latest().tpm;
    const nv = decodePermanent(encodePermanent(state.nv));
    const { ram } = decodeVolatile(encodeVolatile(state, clocks), nv, clocks);
    expect(ram.pcrs).toEqual(state.ram.pcrs);
    expect(ram.pcrAllocated).toEqual(state.ram.pcrAllocated);
    expect(ram.orderlyIndices).toEqual(state.ram.orderlyIndices);
  });

  test("is of a version that libtpms refuses", () => {
    const { state } = latest().tpm;
    const refused = Uint8Array.of(0x80, 0x01);
    expect(encodePermanent(state.nv).slice(0, 2)).toEqual(refused);
    expect(encodeVolatile(state, clocks).slice(0, 2)).toEqual(refused);
  });

  test.each<[string, (state: TpmState) => TpmState]>([
    ["without the values of a bank", ({ nv, ram }) => ({ nv, ram: { ...ram, pcrs: withoutBank(ram.pcrs) } })],
    ["with too few of them", ({ nv, ram }) => ({ nv, ram: { ...ram, pcrs: cut(ram.pcrs) } })],
    [
      "without what is in RAM of an external Index",
      ({ nv, ram }) => ({ nv, ram: { ...ram, orderlyIndices: new Map() } }),
    ],
  ])("that runs is refused %s", (_name, damage) => {
    const { state } = latest().tpm;
    const damaged = encodeVolatile(damage(state), clocks);
    expect(() => decodeVolatile(damaged, state.nv, clocks)).toThrow(/bank|RAM/);
  });

  test.each<[string, (indices: NvState["indices"]) => NvState["indices"], RegExp]>([
    ["with data of another size", (indices) => edited(indices, { data: new Uint8Array(3) }), /bytes of data/],
    ["with a counter that is too short", (indices) => edited(indices, {}, { attributes: 0x0002_0012 }), /its type/],
    ["with a policy that is none", (indices) => edited(indices, {}, { authPolicy: Uint8Array.of(1) }), /policy/],
    ["under another handle", (indices) => edited(indices, {}, { nvIndex: EXTERNAL + 9 }), /calls itself/],
  ])("is refused with an external Index %s", (_name, damage, complaint) => {
    const nv = stopped();
    const damaged = encodePermanent({ ...nv, indices: damage(nv.indices) });
    expect(() => decodePermanent(damaged)).toThrow(complaint);
  });

  test.each<[string, Partial<NvState>, string]>([
    ["the bank", { indices: new Map(), orderlyIndices: new Map() }, "PCR bank 0x27"],
    ["the external Indices", {}, "0x11000007"],
  ])("cannot become one of a profile of libtpms because of %s", (_name, changes, what) => {
    const nv = { ...stopped(), ...changes, profile: DEFAULT_V1 };
    if (changes.indices === undefined) {
      const pcrAllocated = nv.persistent.pcrAllocated.filter(({ hash }) => hash !== TPM_ALG.SHA3_256);
      const persistent = { ...nv.persistent, pcrAllocated, pcrInUse: pcrAllocated };
      expect(() => decodePermanent(encodePermanent({ ...nv, persistent }))).toThrow(what);
      return;
    }
    expect(() => decodePermanent(encodePermanent(nv))).toThrow(what);
  });

  test("can become one where there is nothing of it", () => {
    const { nv } = TestTpm.started({ profile: LATEST }).tpm.state;
    const again = decodePermanent(encodePermanent({ ...nv, profile: DEFAULT_V1 }));
    expect(again.profile).toBe(DEFAULT_V1);
    expect(again.persistent.pcrAllocated.map(({ hash }) => hash)).toEqual(DEFAULT_V1.pcrBanks);
  });
});

type Banks = TpmState["ram"]["pcrs"];
const withoutBank = (banks: Banks): Banks => new Map([...banks].filter(([hash]) => hash !== TPM_ALG.SHA3_256));
const cut = (banks: Banks): Banks =>
  new Map([...banks].map(([hash, values]) => [hash, hash === TPM_ALG.SHA3_256 ? values.slice(1) : values]));

type Index = NonNullable<ReturnType<NvState["indices"]["get"]>>;
function edited(
  indices: NvState["indices"],
  changes: Partial<Index>,
  area: Partial<Index["publicArea"]> = {},
): NvState["indices"] {
  const index = indices.get(EXTERNAL);
  if (index === undefined) throw new Error("there is no external Index");
  return new Map(indices).set(EXTERNAL, { ...index, publicArea: { ...index.publicArea, ...area }, ...changes });
}

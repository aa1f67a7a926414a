import { concatBytes, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { NULL_PROFILE } from "../../profile.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_CAP, TPM_NT } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_PT } from "../../spec/properties.ts";
import { givenIndex } from "../../testing/given.ts";
import { startPolicy, startSession } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HierarchyChangeAuth } from "../hierarchy/HierarchyChangeAuth.ts";
import { PCR_Allocate } from "../integrity-collection/PCR_Allocate.ts";
import { NV_DefineSpace } from "../non-volatile-storage/NV_DefineSpace.ts";
import { GetCapability } from "./GetCapability.ts";
import recorded from "./GetCapability.vectors.json" with { type: "json" };

const ALL = 1000;

/** The response parameters in hex: moreData, the capability, the list. */
function ask(tpm: TestTpm, capability: number, property: number, propertyCount: number): string {
  const answer = tpm.run(GetCapability, { capability, property, propertyCount });
  return answer.rc === 0 ? toHex(answer.bytes.slice(10)) : answer.text;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** A whole list as it is recorded: every item as hex without prefix. */
function expected(capability: number, items: readonly string[], more = 0): string {
  return hex(more, 2) + hex(capability, 8) + hex(items.length, 8) + items.join("");
}

const digits = (text: string, size: number): string => text.slice(2).padStart(size, "0");
const handleItems = (handles: readonly string[]): string[] => handles.map((handle) => digits(handle, 8));
const properties = recorded.properties.map(([tag = "", value = ""]) => digits(tag, 8) + digits(value, 8));
const [fixed, variable] = [properties.slice(0, -21), properties.slice(-21)];

describe("TPM2_GetCapability answers, byte for byte, what was recorded:", () => {
  const lists: readonly (readonly [name: string, capability: number, property: number, items: readonly string[]])[] = [
    ["algorithms", TPM_CAP.ALGS, 0, recorded.algorithms.map(([id = "", a = ""]) => digits(id, 4) + digits(a, 8))],
    ["commands", TPM_CAP.COMMANDS, 0, recorded.commands.map((command) => digits(command, 8))],
    ["commands that need presence", TPM_CAP.PP_COMMANDS, 0, handleItems(recorded.ppCommands)],
    ["audited commands", TPM_CAP.AUDIT_COMMANDS, 0, handleItems(recorded.auditCommands)],
    ["PCR banks", TPM_CAP.PCRS, 0, recorded.pcrs.map(([hash = "", select = ""]) => `${digits(hash, 4)}03${select}`)],
    ["fixed properties", TPM_CAP.TPM_PROPERTIES, 0x100, fixed],
    ["fixed properties from zero", TPM_CAP.TPM_PROPERTIES, 0, fixed],
    ["variable properties", TPM_CAP.TPM_PROPERTIES, 0x200, variable],
    ["no properties past the last group", TPM_CAP.TPM_PROPERTIES, 0x300, []],
    [
      "PCR properties",
      TPM_CAP.PCR_PROPERTIES,
      0,
      recorded.pcrProperties.map(([tag = "", select = ""]) => `${digits(tag, 8)}03${select}`),
    ],
    ["curves", TPM_CAP.ECC_CURVES, 0, recorded.curves.map((curve) => digits(curve, 4))],
    ["PCR handles", TPM_CAP.HANDLES, 0x00000000, handleItems(recorded.handles.pcr)],
    ["NV Indices", TPM_CAP.HANDLES, 0x01000000, handleItems(recorded.handles.nv)],
    ["loaded sessions", TPM_CAP.HANDLES, 0x02000000, handleItems(recorded.handles.loadedSession)],
    ["saved sessions", TPM_CAP.HANDLES, 0x03000000, handleItems(recorded.handles.savedSession)],
    ["permanent handles", TPM_CAP.HANDLES, 0x40000000, handleItems(recorded.handles.permanent)],
    ["transient objects", TPM_CAP.HANDLES, 0x80000000, handleItems(recorded.handles.transient)],
    ["persistent objects", TPM_CAP.HANDLES, 0x81000000, handleItems(recorded.handles.persistent)],
  ];
  test.each(lists)("%s", (_name, capability, property, items) => {
    expect(ask(TestTpm.started(), capability, property, ALL)).toBe(expected(capability, items));
  });

  test.each([
    ["policies of permanent handles", TPM_CAP.AUTH_POLICIES, 0x40000000, recorded.authPolicies],
    ["attached timers", TPM_CAP.ACT, 0x40000110, recorded.act],
  ] as const)("%s", (_name, capability, property, list) => {
    expect(ask(TestTpm.started(), capability, property, ALL)).toBe(`00${hex(capability, 8)}${list}`);
  });

  test("commands of the profile null", () => {
    const items = recorded.commandsOfNullProfile.map((command) => digits(command, 8));
    const tpm = TestTpm.started({ profile: NULL_PROFILE });
    expect(ask(tpm, TPM_CAP.COMMANDS, 0, ALL)).toBe(expected(TPM_CAP.COMMANDS, items));
    expect(ask(tpm, TPM_CAP.TPM_PROPERTIES, TPM_PT.TOTAL_COMMANDS, 1)).toContain("00000129" + "0000006e");
  });
});

describe("TPM2_GetCapability pages:", () => {
  test.each([
    ["the first of many", TPM_CAP.ALGS, 0, 1, expected(TPM_CAP.ALGS, ["000100000009"], 1)],
    ["the last", TPM_CAP.ALGS, 0x44, 1, expected(TPM_CAP.ALGS, ["004400000202"])],
    ["none, with more to come", TPM_CAP.ALGS, 0, 0, expected(TPM_CAP.ALGS, [], 1)],
    ["none past the end", TPM_CAP.ALGS, 0x45, 5, expected(TPM_CAP.ALGS, [])],
    ["an algorithm of which only 16 bits count", TPM_CAP.ALGS, 0x10044, 1, expected(TPM_CAP.ALGS, ["004400000202"])],
    [
      "a property in a gap",
      TPM_CAP.TPM_PROPERTIES,
      0x115,
      1,
      expected(TPM_CAP.TPM_PROPERTIES, ["0000011600000000"], 1),
    ],
    [
      "no property of the next group",
      TPM_CAP.TPM_PROPERTIES,
      0x130,
      9,
      expected(TPM_CAP.TPM_PROPERTIES, ["00000130000000ff"]),
    ],
    ["nothing behind a group", TPM_CAP.TPM_PROPERTIES, 0x131, 9, expected(TPM_CAP.TPM_PROPERTIES, [])],
    ["PCR handles from the middle", TPM_CAP.HANDLES, 0x16, 9, expected(TPM_CAP.HANDLES, ["00000016", "00000017"])],
    ["a permanent handle behind a gap", TPM_CAP.HANDLES, 0x40000002, 1, expected(TPM_CAP.HANDLES, ["40000007"], 1)],
    ["no PCR banks if none are asked for", TPM_CAP.PCRS, 0, 0, expected(TPM_CAP.PCRS, [], 1)],
    [
      "a PCR property in a gap",
      TPM_CAP.PCR_PROPERTIES,
      0x0b,
      1,
      expected(TPM_CAP.PCR_PROPERTIES, ["00000011030000e1"], 1),
    ],
    ["a command code with high bits", TPM_CAP.COMMANDS, 0x1_0000, 9, expected(TPM_CAP.COMMANDS, [])],
  ] as const)("%s", (_name, capability, property, count, answer) => {
    expect(ask(TestTpm.started(), capability, property, count)).toBe(answer);
  });
});

test.each([
  ["an unknown capability", 0x50, 0, "TPM_RC_VALUE (parameter 1)"],
  ["public keys of the TPM, which it has none of", TPM_CAP.PUB_KEYS, 0, "TPM_RC_VALUE (parameter 1)"],
  ["vendor properties", TPM_CAP.VENDOR_PROPERTY, 0, "TPM_RC_VALUE (parameter 1)"],
  ["handles of a type that is not listed", TPM_CAP.HANDLES, 0x90000000, "TPM_RC_HANDLE (parameter 2)"],
  ["PCR banks from another start than zero", TPM_CAP.PCRS, 1, "TPM_RC_VALUE (parameter 2)"],
  ["policies of handles that are not permanent", TPM_CAP.AUTH_POLICIES, 0x01000000, "TPM_RC_VALUE (parameter 2)"],
  ["timers below the first", TPM_CAP.ACT, TPM_RH.ACT_0 - 1, "TPM_RC_VALUE (parameter 2)"],
  ["timers above the last", TPM_CAP.ACT, TPM_RH.ACT_F + 1, "TPM_RC_VALUE (parameter 2)"],
])("TPM2_GetCapability refuses %s", (_name, capability, property, text) => {
  const body = concatBytes(fromHex(hex(capability, 8)), fromHex(hex(property, 8)), fromHex("00000001"));
  expect(TestTpm.started().runRaw(GetCapability, [], body).text).toBe(text);
});

describe("TPM2_GetCapability follows the state:", () => {
  const property = (tpm: TestTpm, number: number): number =>
    tpm.run(GetCapability, { capability: TPM_CAP.TPM_PROPERTIES, property: number, propertyCount: 1 }).out
      .capabilityData.data[0].value;

  test("authorizations that are set", () => {
    const tpm = TestTpm.started();
    tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: Uint8Array.of(1) });
    tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.LOCKOUT, newAuth: Uint8Array.of(1) });
    expect(property(tpm, TPM_PT.PERMANENT)).toBe(0x405);
  });

  test("the firmware that gave power, not the one that made the TPM", () => {
    const tpm = TestTpm.started();
    const version = () => ask(tpm, TPM_CAP.TPM_PROPERTIES, TPM_PT.FIRMWARE_VERSION_1, 2);
    const { nv, ram } = tpm.tpm.state;
    // As libtpms 0.9.2 made it.
    const persistent = { ...nv.persistent, firmwareV1: 0x20191023, firmwareV2: 0x00163636 };
    tpm.tpm.state = { nv: { ...nv, persistent }, ram };
    expect(version()).toBe(expected(TPM_CAP.TPM_PROPERTIES, ["0000010b20191023", "0000010c00163636"], 1));
    tpm.powerOn();
    expect(version()).toBe(expected(TPM_CAP.TPM_PROPERTIES, ["0000010b20240125", "0000010c00120000"], 1));
  });

  test("sessions that are loaded", () => {
    const tpm = TestTpm.started();
    const hmac = startSession(tpm);
    const policy = startPolicy(tpm);
    const handles = [hex(hmac.handle, 8), hex(policy.handle, 8)];
    expect(ask(tpm, TPM_CAP.HANDLES, 0x02000000, ALL)).toBe(expected(TPM_CAP.HANDLES, handles));
    expect(ask(tpm, TPM_CAP.HANDLES, 0x02000001, ALL)).toBe(expected(TPM_CAP.HANDLES, handles.slice(1)));
    expect([TPM_PT.HR_LOADED, TPM_PT.HR_LOADED_AVAIL, TPM_PT.HR_ACTIVE_AVAIL].map((p) => property(tpm, p))).toEqual([
      2, 1, 62,
    ]);
  });

  test("NV Indices, sorted, and the room that is left", () => {
    const tpm = TestTpm.started();
    for (const nvIndex of [0x01000005, 0x01000002, 0x01000009]) givenIndex(tpm, { nvIndex });
    const answer = expected(TPM_CAP.HANDLES, ["01000002", "01000005"], 1);
    expect(ask(tpm, TPM_CAP.HANDLES, 0x01000000, 2)).toBe(answer);
    expect(property(tpm, TPM_PT.HR_NV_INDEX)).toBe(3);
  });

  test("counters that are left are bounded by the RAM of orderly Indices", () => {
    const tpm = TestTpm.started();
    const attributes = TPMA_NV.of({ TPM_NT: TPM_NT.COUNTER, ORDERLY: true, OWNERREAD: true, OWNERWRITE: true });
    const publicInfo = { nvIndex: 0x01000001, nameAlg: 0xb, attributes, authPolicy: new Uint8Array(), dataSize: 8 };
    expect(tpm.run(NV_DefineSpace, { authHandle: TPM_RH.OWNER, auth: new Uint8Array(), publicInfo }).rc).toBe(0);
    expect(property(tpm, TPM_PT.NV_COUNTERS)).toBe(1);
    expect(property(tpm, TPM_PT.NV_COUNTERS_AVAIL)).toBe(24);
  });

  test("PCR banks only from the next start", () => {
    const tpm = TestTpm.started();
    const pcrAllocation = [{ hash: 4, pcrSelect: new Uint8Array(3) }];
    expect(tpm.run(PCR_Allocate, { authHandle: TPM_RH.PLATFORM, pcrAllocation }).rc).toBe(0);
    expect(ask(tpm, TPM_CAP.PCRS, 0, 1)).toContain("000403ffffff");
    tpm.powerOn();
    expect(ask(tpm, TPM_CAP.PCRS, 0, 1)).toContain("000403000000");
  });
});

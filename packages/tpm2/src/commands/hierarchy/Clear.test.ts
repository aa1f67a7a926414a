import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import type { OBJECT } from "../../state/object.ts";
import { OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { givenDefined } from "../../testing/defined-index.ts";
import { givenPersistent } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { ChangeEPS } from "./ChangeEPS.ts";
import { ChangePPS } from "./ChangePPS.ts";
import { Clear } from "./Clear.ts";
import { ClearControl } from "./ClearControl.ts";
import { HierarchyChangeAuth } from "./HierarchyChangeAuth.ts";
import { HierarchyControl } from "./HierarchyControl.ts";
import { SetPrimaryPolicy } from "./SetPrimaryPolicy.ts";

const { OWNER, ENDORSEMENT, PLATFORM, LOCKOUT } = TPM_RH;
const secret = Uint8Array.of(1);

/** A persistent object of each hierarchy. */
function givenPersistentObjects({ tpm }: TestTpm): void {
  const { nv, ram } = tpm.state;
  const objects = (["spsHierarchy", "epsHierarchy", "ppsHierarchy"] as const).map((hierarchy, i): [number, OBJECT] => [
    0x8100_0001 + i * 0x40_0000,
    {
      attributes: OBJECT_ATTRIBUTES.of({ evict: true, [hierarchy]: true }),
      publicArea: {
        type: TPM_ALG.KEYEDHASH,
        nameAlg: TPM_ALG.SHA256,
        objectAttributes: 0,
        authPolicy: EMPTY,
        parameters: { scheme: { scheme: TPM_ALG.NULL } },
        unique: EMPTY,
      },
      sensitive: undefined,
      name: EMPTY,
      qualifiedName: EMPTY,
      hierarchy: [OWNER, ENDORSEMENT, PLATFORM][i] ?? OWNER,
      seedCompatLevel: 1,
    },
  ]);
  tpm.state = { nv: { ...nv, objects: new Map(objects) }, ram };
}

/** A TPM in use: authorizations, policies, objects, Indices. */
function used(): TestTpm {
  const tpm = TestTpm.started();
  givenDefined(tpm);
  givenDefined(tpm, { nvIndex: 0x0150_0002, attributes: { PLATFORMCREATE: true } });
  givenPersistentObjects(tpm);
  for (const authHandle of [OWNER, ENDORSEMENT, LOCKOUT]) {
    const policy = { authHandle, authPolicy: new Uint8Array(32), hashAlg: TPM_ALG.SHA256 };
    expect(tpm.run(SetPrimaryPolicy, policy).rc).toBe(0);
    expect(tpm.run(HierarchyChangeAuth, { authHandle, newAuth: secret }).rc).toBe(0);
  }
  for (const enable of [OWNER, ENDORSEMENT]) {
    tpm.run(HierarchyControl, { authHandle: PLATFORM, enable, state: 0 });
  }
  givenPersistent(tpm, { failedTries: 2, maxTries: 9, recoveryTime: 1, lockoutRecovery: 1, auditCounter: 5n });
  tpm.platform.clock = 5000;
  return tpm;
}

const persistentHandles = ({ tpm }: TestTpm): number[] => [...tpm.state.nv.objects.keys()];

describe("TPM2_Clear", () => {
  test.each([
    ["the platform", PLATFORM, ""],
    ["lockout", LOCKOUT, secret],
  ])("by %s removes everything of the owner", (_name, authHandle, password) => {
    const tpm = used();
    const before = tpm.tpm.state.nv.persistent;
    expect(tpm.run(Clear, { authHandle }, [password]).text).toBe("TPM_RC_SUCCESS");
    const { nv, ram } = tpm.tpm.state;
    const { persistent } = nv;
    expect(persistent).toMatchObject({
      ownerAuth: EMPTY,
      endorsementAuth: EMPTY,
      lockoutAuth: EMPTY,
      ownerPolicy: EMPTY,
      endorsementPolicy: EMPTY,
      lockoutPolicy: EMPTY,
      ownerAlg: TPM_ALG.NULL,
      failedTries: 0,
      maxTries: 3,
      recoveryTime: 1000,
      lockoutRecovery: 1000,
      resetCount: 0,
      auditCounter: 0n,
      PPSeed: before.PPSeed,
      EPSeed: before.EPSeed,
      phProof: before.phProof,
      totalResetCount: before.totalResetCount,
    });
    for (const name of ["SPSeed", "shProof", "ehProof"] as const) expect(persistent[name]).not.toEqual(before[name]);
    expect([...nv.indices.keys()]).toEqual([0x0150_0002]);
    expect(persistentHandles(tpm)).toEqual([0x8180_0001]);
    expect([nv.orderly.clock, nv.orderly.clockSafe, ram.orderly.clock]).toEqual([0n, 1, 0n]);
    expect([ram.stateClear.shEnable, ram.stateClear.ehEnable]).toEqual([1, 1]);
  });

  test("is refused where TPM2_ClearControl forbids it", () => {
    const tpm = TestTpm.started();
    expect(tpm.run(ClearControl, { auth: LOCKOUT, disable: 1 }).rc).toBe(0);
    for (const authHandle of [LOCKOUT, PLATFORM]) expect(tpm.run(Clear, { authHandle }).text).toBe("TPM_RC_DISABLED");
    expect(tpm.run(ClearControl, { auth: PLATFORM, disable: 0 }).rc).toBe(0);
    expect(tpm.run(Clear, { authHandle: LOCKOUT }).text).toBe("TPM_RC_SUCCESS");
  });
});

test("TPM2_ChangeEPS replaces the endorsement seed and resets the hierarchy", () => {
  const tpm = used();
  const before = tpm.tpm.state.nv.persistent;
  expect(tpm.run(ChangeEPS, { authHandle: PLATFORM }).text).toBe("TPM_RC_SUCCESS");
  const { nv, ram } = tpm.tpm.state;
  expect(nv.persistent).toMatchObject({
    endorsementAuth: EMPTY,
    endorsementPolicy: EMPTY,
    endorsementAlg: TPM_ALG.NULL,
  });
  expect(nv.persistent).toMatchObject({ ownerAuth: secret, SPSeed: before.SPSeed, shProof: before.shProof });
  for (const name of ["EPSeed", "ehProof"] as const) expect(nv.persistent[name]).not.toEqual(before[name]);
  expect([ram.stateClear.ehEnable, ram.stateClear.shEnable]).toEqual([1, 0]);
  expect(persistentHandles(tpm)).toEqual([0x8100_0001, 0x8180_0001]);
  expect(nv.indices.size).toBe(2);
});

test("TPM2_ChangePPS replaces the platform's seed and removes its policy, not its authValue", () => {
  const tpm = used();
  const before = tpm.tpm.state.nv.persistent;
  const policy = { authHandle: PLATFORM, authPolicy: new Uint8Array(32), hashAlg: TPM_ALG.SHA256 };
  tpm.run(SetPrimaryPolicy, policy);
  tpm.run(HierarchyChangeAuth, { authHandle: PLATFORM, newAuth: secret });
  expect(tpm.run(ChangePPS, { authHandle: PLATFORM }, [secret]).text).toBe("TPM_RC_SUCCESS");
  const { nv, ram } = tpm.tpm.state;
  for (const name of ["PPSeed", "phProof"] as const) expect(nv.persistent[name]).not.toEqual(before[name]);
  expect(ram.stateClear).toMatchObject({ platformPolicy: EMPTY, platformAlg: TPM_ALG.NULL, platformAuth: secret });
  expect(persistentHandles(tpm)).toEqual([0x8100_0001, 0x8140_0001]);
  expect(nv.indices.size).toBe(2);
});

test.each([
  ["TPM2_ChangePPS", ChangePPS],
  ["TPM2_ChangeEPS", ChangeEPS],
])("%s is the platform's", (_name, command) => {
  expect(TestTpm.started().run(command, { authHandle: OWNER }).text).toBe("TPM_RC_VALUE (handle 1)");
});

import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { givenStateClear } from "../../testing/given.ts";
import { child, ECC_SIGNING, ECC_STORAGE, loaded, primary, withAttributes } from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { LoadExternal } from "../object/LoadExternal.ts";
import { ReadPublic } from "../object/ReadPublic.ts";
import { EvictControl } from "./EvictControl.ts";

const OWNERS = 0x8100_0001;
const PLATFORMS = 0x8180_0001;

function evict(tpm: TestTpm, objectHandle: number, persistentHandle: number, auth: number = TPM_RH.OWNER): string {
  return tpm.run(EvictControl, { auth, objectHandle, persistentHandle }).text;
}

describe("TPM2_EvictControl", () => {
  test("keeps a copy of an object over a power cycle, and removes it", () => {
    const tpm = TestTpm.started();
    const { objectHandle, name } = primary(tpm);
    expect(evict(tpm, objectHandle, OWNERS)).toBe("TPM_RC_SUCCESS");
    tpm.powerOn();
    expect(tpm.nameOf(OWNERS)).toEqual(name);
    expect(tpm.tpm.state.nv.objects.get(OWNERS)?.attributes).toBe(
      OBJECT_ATTRIBUTES.of({ spsHierarchy: true, primary: true, isParent: true, evict: true }),
    );
    // It is a parent like the transient one.
    expect(loaded(tpm, OWNERS, child(tpm, OWNERS, ECC_SIGNING))).toBeGreaterThan(0);
    expect(evict(tpm, OWNERS, OWNERS)).toBe("TPM_RC_SUCCESS");
    expect(tpm.run(ReadPublic, { objectHandle: OWNERS }).text).toBe("TPM_RC_HANDLE (handle 1)");
  });

  test("an endorsement key belongs to the owner's handles, and may be removed with its hierarchy disabled", () => {
    const tpm = TestTpm.started();
    const { objectHandle } = primary(tpm, ECC_STORAGE, TPM_RH.ENDORSEMENT);
    expect(evict(tpm, objectHandle, OWNERS)).toBe("TPM_RC_SUCCESS");
    givenStateClear(tpm, { ehEnable: 0 });
    expect(tpm.run(ReadPublic, { objectHandle: OWNERS }).text).toBe("TPM_RC_HANDLE (handle 1)");
    expect(evict(tpm, OWNERS, OWNERS)).toBe("TPM_RC_SUCCESS");
  });

  test("the platform may remove what the owner keeps, not the other way round", () => {
    const tpm = TestTpm.started();
    evict(tpm, primary(tpm).objectHandle, OWNERS);
    evict(tpm, primary(tpm, ECC_STORAGE, TPM_RH.PLATFORM).objectHandle, PLATFORMS, TPM_RH.PLATFORM);
    expect(evict(tpm, PLATFORMS, PLATFORMS)).toBe("TPM_RC_HIERARCHY (handle 2)");
    expect(evict(tpm, OWNERS, OWNERS, TPM_RH.PLATFORM)).toBe("TPM_RC_SUCCESS");
    expect(evict(tpm, PLATFORMS, PLATFORMS, TPM_RH.PLATFORM)).toBe("TPM_RC_SUCCESS");
  });

  test.each<readonly [name: string, make: (tpm: TestTpm) => number, outcome: string]>([
    [
      "an object of the NULL hierarchy",
      (tpm) => primary(tpm, ECC_STORAGE, TPM_RH.NULL).objectHandle,
      "TPM_RC_ATTRIBUTES (handle 2)",
    ],
    [
      "an stClear object",
      (tpm) => primary(tpm, withAttributes(ECC_STORAGE, { stClear: true })).objectHandle,
      "TPM_RC_ATTRIBUTES (handle 2)",
    ],
    [
      "a public key",
      (tpm) =>
        tpm.run(LoadExternal, {
          inPrivate: undefined,
          inPublic: primary(tpm).outPublic,
          hierarchy: TPM_RH.OWNER,
        }).out.objectHandle,
      "TPM_RC_ATTRIBUTES (handle 2)",
    ],
    [
      "a sequence",
      (tpm) => tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 }).out.sequenceHandle,
      "TPM_RC_ATTRIBUTES (handle 2)",
    ],
    [
      "a platform object by the owner",
      (tpm) => primary(tpm, ECC_STORAGE, TPM_RH.PLATFORM).objectHandle,
      "TPM_RC_HIERARCHY (handle 2)",
    ],
  ])("refuses %s", (_name, make, outcome) => {
    const tpm = TestTpm.started();
    expect(evict(tpm, make(tpm), OWNERS)).toBe(outcome);
    expect(tpm.tpm.state.nv.objects.size).toBe(0);
  });

  test("owner and platform have their own handles", () => {
    const tpm = TestTpm.started();
    const owners = primary(tpm).objectHandle;
    const platforms = primary(tpm, ECC_STORAGE, TPM_RH.PLATFORM).objectHandle;
    expect(evict(tpm, owners, PLATFORMS)).toBe("TPM_RC_RANGE (parameter 1)");
    expect(evict(tpm, platforms, OWNERS, TPM_RH.PLATFORM)).toBe("TPM_RC_RANGE (parameter 1)");
    expect(evict(tpm, owners, PLATFORMS, TPM_RH.PLATFORM)).toBe("TPM_RC_HIERARCHY (handle 2)");
  });

  test("a handle is taken once, and a persistent object has only its own", () => {
    const tpm = TestTpm.started();
    const { objectHandle } = primary(tpm);
    expect(evict(tpm, objectHandle, OWNERS)).toBe("TPM_RC_SUCCESS");
    expect(evict(tpm, objectHandle, OWNERS)).toBe("TPM_RC_NV_DEFINED");
    expect(evict(tpm, OWNERS, OWNERS + 1)).toBe("TPM_RC_HANDLE (handle 2)");
  });

  test("ends when NV is full", () => {
    const tpm = TestTpm.started();
    const { objectHandle } = primary(tpm);
    evict(tpm, objectHandle, OWNERS);
    const { nv, ram } = tpm.tpm.state;
    const object = nv.objects.get(OWNERS);
    if (object === undefined) throw new Error("no object");
    const objects = new Map(Array.from({ length: 1000 }, (_, i) => [OWNERS + i, object]));
    tpm.tpm.state = { nv: { ...nv, objects }, ram };
    expect(evict(tpm, objectHandle, OWNERS + 1000)).toBe("TPM_RC_NV_SPACE");
  });
});

import { describe, expect, test } from "vitest";
import { DEFAULT_V1, NULL_PROFILE } from "../profile.ts";
import { givenDefined } from "../testing/defined-index.ts";
import { TestTpm } from "../testing/test-tpm.ts";
import { applyChanges, type Change, decodeChanges, durableChanges, encodeChanges, StateError } from "./durable.ts";
import type { NvState } from "./tpm-state.ts";

const PROFILES = [DEFAULT_V1, NULL_PROFILE];
/** Of a TPM with one NV Index. */
const nvOf = (profile = DEFAULT_V1): NvState => {
  const tpm = TestTpm.started({ profile });
  givenDefined(tpm);
  return tpm.tpm.state.nv;
};
const throughBytes = (changes: readonly Change[]): readonly Change[] => decodeChanges(encodeChanges(changes));

describe.each(PROFILES)("the changes of a TPM of profile $name", (profile) => {
  test("from nothing say everything", () => {
    const nv = nvOf(profile);
    const again = applyChanges(undefined, throughBytes(durableChanges(undefined, nv)));
    expect({ ...again, profile: again.profile.json }).toEqual({ ...nv, profile: nv.profile.json });
  });

  test("say what is new, what is different and what is gone, and keep the rest as it is", () => {
    const before = nvOf(profile);
    const counted: NvState = { ...before, persistent: { ...before.persistent, failedTries: 3 } };
    const changes = durableChanges(before, counted);
    expect(changes.map(({ key }) => key)).toEqual(["persistent"]);
    const after = applyChanges(before, throughBytes(changes));
    expect(after.persistent.failedTries).toBe(3);
    expect(after.orderly).toBe(before.orderly);
    expect(after.indices).toEqual(before.indices);
    const removal = durableChanges(before, { ...before, indices: new Map() });
    expect(removal).toEqual([{ key: "nv/01500001", value: undefined }]);
    expect(applyChanges(before, throughBytes(removal)).indices.size).toBe(0);
    expect(durableChanges(before, before)).toEqual([]);
  });
});

describe("changes are refused", () => {
  const nv = nvOf();
  const without = (key: string): Change[] => durableChanges(undefined, nv).filter((change) => change.key !== key);
  test.each<readonly [string, NvState | undefined, readonly Change[], RegExp]>([
    ["that leave no profile", undefined, without("profile"), /"profile": is missing/],
    ["that leave no persistent data", undefined, without("persistent"), /"persistent": is missing/],
    ["that take it away", nv, [{ key: "orderly", value: undefined }], /"orderly": is missing/],
    ["to what nobody knows", nv, [{ key: "spare", value: undefined }], /"spare": is not known/],
    ["with a handle that is none", nv, [{ key: "nv/1", value: undefined }], /"nv\/1": expected eight hex digits/],
    ["that are no structure", nv, [{ key: "orderly", value: Uint8Array.of(1) }], /"orderly": /],
  ])("%s", (_, before, changes, message) => {
    expect(() => applyChanges(before, changes)).toThrow(StateError);
    expect(() => applyChanges(before, changes)).toThrow(message);
  });

  test("cut off at any length", () => {
    const bytes = encodeChanges(durableChanges(undefined, nv));
    for (let size = 0; size < bytes.length; size++) {
      expect(() => decodeChanges(bytes.subarray(0, size))).toThrow(StateError);
    }
  });
});

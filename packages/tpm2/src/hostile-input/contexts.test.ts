import { type Bytes, concatBytes, decode, encode, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { ContextLoad } from "../commands/context-management/ContextLoad.ts";
import { ContextSave } from "../commands/context-management/ContextSave.ts";
import { FlushContext } from "../commands/context-management/FlushContext.ts";
import { LoadExternal } from "../commands/object/LoadExternal.ts";
import { ReadPublic } from "../commands/object/ReadPublic.ts";
import { DEFAULT_V2 } from "../profile.ts";
import { TPM_SU } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { TPMS_CONTEXT } from "../spec/structures/index.ts";
import { describeRc } from "../spec/tpm-error.ts";
import { startSession } from "../testing/start-session.ts";
import { ECC_SIGNING, ECC_STORAGE, primary, RSA_SIGNING } from "../testing/templates.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const INTEGRITY = "TPM_RC_INTEGRITY (parameter 1)";
/** Sequence, handle and hierarchy come before the blob. */
const BLOB_START = 16;

/** A saved context as bytes; the entity itself is flushed if it is an object. */
function saved(tpm: TestTpm, saveHandle: number): Bytes {
  const { context } = tpm.run(ContextSave, { saveHandle }).out;
  if (saveHandle >= 0x8000_0000) tpm.run(FlushContext, { flushHandle: saveHandle });
  return encode(TPMS_CONTEXT, context);
}

const load = (tpm: TestTpm, context: Bytes): string => tpm.runRaw(ContextLoad, [], context).text;

describe("a context changed in one byte", () => {
  test.each([
    ["an object", (tpm: TestTpm) => primary(tpm).objectHandle],
    ["a session", (tpm: TestTpm) => startSession(tpm).handle],
  ])("of %s is refused, whichever byte it is", (_name, make) => {
    const tpm = TestTpm.started();
    const context = saved(tpm, make(tpm));
    const before = tpm.tpm.state;
    for (let i = 0; i < context.length; i++) {
      tpm.tpm.state = before;
      const changed = Uint8Array.from(context, (byte, at) => (at === i ? (byte + 1) % 256 : byte));
      const outcome = load(tpm, changed);
      expect(outcome).not.toBe("TPM_RC_SUCCESS");
      // The handle is decoded, and what is behind the sizes is integrity and what it covers.
      if (i >= BLOB_START + 4) expect([i, outcome]).toEqual([i, INTEGRITY]);
    }
    tpm.tpm.state = before;
    expect(load(tpm, context)).toBe("TPM_RC_SUCCESS");
    expect(tpm.faults).toEqual([]);
  });

  test("to another sequence or hierarchy is refused", () => {
    const tpm = TestTpm.started();
    const context = decode(TPMS_CONTEXT, saved(tpm, primary(tpm).objectHandle));
    for (const changes of [{ sequence: 2n }, { hierarchy: TPM_RH.ENDORSEMENT }, { savedHandle: 0x8000_0002 }]) {
      expect(load(tpm, encode(TPMS_CONTEXT, { ...context, ...changes }))).toBe(INTEGRITY);
    }
  });

  test("or cut off anywhere is refused", () => {
    const tpm = TestTpm.started();
    const context = saved(tpm, primary(tpm).objectHandle);
    for (let size = 0; size < context.length; size++) {
      expect(load(tpm, context.slice(0, size))).toBe("TPM_RC_INSUFFICIENT (parameter 1)");
    }
    expect(tpm.faults).toEqual([]);
  });
});

test("a context of another boot is refused, unless the TPM resumed or only restarted", () => {
  for (const [stop, start, object, session] of [
    [TPM_SU.STATE, TPM_SU.STATE, "TPM_RC_SUCCESS", "TPM_RC_SUCCESS"],
    [TPM_SU.STATE, TPM_SU.CLEAR, "TPM_RC_SUCCESS", "TPM_RC_SUCCESS"],
    [TPM_SU.CLEAR, TPM_SU.CLEAR, INTEGRITY, INTEGRITY],
  ] as const) {
    const tpm = TestTpm.started();
    const contexts = [saved(tpm, primary(tpm).objectHandle), saved(tpm, startSession(tpm).handle)];
    tpm.send(concatBytes(Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x45), Uint8Array.of(0, stop)));
    tpm.powerOn(start);
    expect(contexts.map((context) => load(tpm, context))).toEqual([object, session]);
  }
});

describe("a context padded to the largest size, as Windows sends it,", () => {
  test.each([
    ["an object", (tpm: TestTpm) => primary(tpm).objectHandle],
    ["a session", (tpm: TestTpm) => startSession(tpm).handle],
  ])("is loaded: %s", (_name, make) => {
    const tpm = TestTpm.started();
    const context = saved(tpm, make(tpm));
    expect(load(tpm, concatBytes(context, new Uint8Array(3404 - context.length)))).toBe("TPM_RC_SUCCESS");
  });
});

describe("an object that is public only", () => {
  test.each([
    ["of an RSA key", RSA_SIGNING],
    ["of an ECC key", ECC_SIGNING],
    ["of a storage key", ECC_STORAGE],
  ])("%s is saved and loaded", (_name, template) => {
    const tpm = TestTpm.started({ profile: DEFAULT_V2 });
    const { outPublic, objectHandle } = primary(tpm, template);
    tpm.run(FlushContext, { flushHandle: objectHandle });
    for (const hierarchy of [TPM_RH.OWNER, TPM_RH.NULL]) {
      const external = tpm.run(LoadExternal, { inPrivate: undefined, inPublic: outPublic, hierarchy }).out.objectHandle;
      const before = tpm.run(ReadPublic, { objectHandle: external }).out;
      const { out } = tpm.runRaw(ContextLoad, [], saved(tpm, external));
      expect(tpm.run(ReadPublic, { objectHandle: out.loadedHandle }).out).toEqual(before);
      tpm.run(FlushContext, { flushHandle: out.loadedHandle });
    }
  });
});

test("a session's context does not come back after it was flushed", () => {
  const tpm = TestTpm.started();
  const { handle } = startSession(tpm);
  const context = saved(tpm, handle);
  expect(tpm.runRaw(FlushContext, [], encode(UINT32, handle)).text).toBe("TPM_RC_SUCCESS");
  expect(load(tpm, context)).toBe("TPM_RC_HANDLE (parameter 1)");
  expect(describeRc(tpm.runRaw(FlushContext, [], encode(UINT32, handle)).rc)).toBe("TPM_RC_HANDLE (parameter 1)");
});

import { concatBytes, EMPTY, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { Engine } from "../../engine.ts";
import { TPM_ALG, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMS_CONTEXT } from "../../spec/structures/index.ts";
import { ORDERLY } from "../../state/data.ts";
import { protectContext } from "../../subsystems/context-protection.ts";
import { text } from "../../testing/caller-crypto.ts";
import { givenPersistent, givenRam, givenStateClear } from "../../testing/given.ts";
import { startPolicy, startSession } from "../../testing/start-session.ts";
import {
  DERIVATION_PARENT,
  ECC_STORAGE,
  primary,
  RSA_STORAGE,
  SEALED,
  withAttributes,
} from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { SequenceComplete } from "../hash-hmac-event-sequences/SequenceComplete.ts";
import { SequenceUpdate } from "../hash-hmac-event-sequences/SequenceUpdate.ts";
import { COMMANDS } from "../index.ts";
import { Unseal } from "../object/Unseal.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { ContextLoad } from "./ContextLoad.ts";
import { ContextSave } from "./ContextSave.ts";
import { FlushContext } from "./FlushContext.ts";

function save(tpm: TestTpm, saveHandle: number): TPMS_CONTEXT {
  const answer = tpm.run(ContextSave, { saveHandle });
  if (answer.rc !== 0) throw new Error(answer.text);
  return answer.out.context;
}

const load = (tpm: TestTpm, context: TPMS_CONTEXT): string => tpm.run(ContextLoad, { context }).text;

function sealed(tpm: TestTpm, template: object = SEALED, hierarchy: number = TPM_RH.OWNER): number {
  return primary(tpm, template, hierarchy, { data: text("data") }).objectHandle;
}

describe("TPM2_ContextSave and TPM2_ContextLoad", () => {
  test("keep an object outside; the one in the TPM stays", () => {
    const tpm = TestTpm.started();
    const saveHandle = sealed(tpm);
    const context = save(tpm, saveHandle);
    expect(context).toMatchObject({ sequence: 1n, savedHandle: 0x8000_0000, hierarchy: TPM_RH.OWNER });
    const { out } = tpm.run(ContextLoad, { context });
    expect(out.loadedHandle).toBe(0x8000_0001);
    expect(tpm.tpm.state.ram.objects.get(out.loadedHandle)).toEqual(tpm.tpm.state.ram.objects.get(saveHandle));
    expect(tpm.run(Unseal, { itemHandle: out.loadedHandle }).out.outData).toEqual(text("data"));
    expect(save(tpm, saveHandle).sequence).toBe(2n);
  });

  test("keep a sequence outside", () => {
    const tpm = TestTpm.started();
    const saveHandle = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 }).out.sequenceHandle;
    tpm.run(SequenceUpdate, { sequenceHandle: saveHandle, buffer: text("abc") });
    const context = save(tpm, saveHandle);
    expect(context).toMatchObject({ savedHandle: 0x8000_0001, hierarchy: TPM_RH.NULL });
    const { loadedHandle: sequenceHandle } = tpm.run(ContextLoad, { context }).out;
    const complete = (handle: number) =>
      tpm.run(SequenceComplete, { sequenceHandle: handle, buffer: EMPTY, hierarchy: TPM_RH.NULL }).out.result;
    expect(complete(sequenceHandle)).toEqual(complete(saveHandle));
  });

  test("an stClear object ends with a TPM Restart, another does not", () => {
    const tpm = TestTpm.started();
    const ordinary = save(tpm, sealed(tpm));
    const stClear = save(tpm, sealed(tpm, withAttributes(SEALED, { stClear: true })));
    expect(stClear.savedHandle).toBe(0x8000_0002);
    expect(load(tpm, stClear)).toBe("TPM_RC_SUCCESS");
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.powerOn(TPM_SU.CLEAR);
    expect(load(tpm, stClear)).toBe("TPM_RC_INTEGRITY (parameter 1)");
    expect(load(tpm, ordinary)).toBe("TPM_RC_SUCCESS");
    tpm.powerOn();
    expect(load(tpm, ordinary)).toBe("TPM_RC_INTEGRITY (parameter 1)");
  });

  test.each([
    ["an RSA key", RSA_STORAGE],
    ["a derivation parent", DERIVATION_PARENT],
  ])("%s stays within the promised size", (_name, template) => {
    const tpm = TestTpm.started();
    const { objectHandle } = primary(tpm, template);
    expect(encode(TPMS_CONTEXT, save(tpm, objectHandle)).length).toBeLessThanOrEqual(3404);
  });

  test("a context may be padded to the promised size, and to no other", () => {
    const tpm = TestTpm.started();
    const context = encode(TPMS_CONTEXT, save(tpm, sealed(tpm)));
    const send = (size: number): string =>
      tpm.runRaw(ContextLoad, [], concatBytes(context, new Uint8Array(size - context.length))).text;
    expect(send(3404)).toBe("TPM_RC_SUCCESS");
    expect(send(3403)).toBe("TPM_RC_SIZE");
    expect(send(3405)).toBe("TPM_RC_SIZE");
  });

  test("move a session out and in", () => {
    const tpm = TestTpm.started();
    const { handle } = startPolicy(tpm);
    const session = tpm.tpm.state.ram.sessions.get(0);
    const context = save(tpm, handle);
    expect(context).toMatchObject({ savedHandle: handle, hierarchy: TPM_RH.NULL });
    expect(encode(TPMS_CONTEXT, context).length).toBeLessThanOrEqual(404);
    expect(tpm.tpm.state.ram.sessions.size).toBe(0);
    expect(tpm.run(ContextLoad, { context }).out.loadedHandle).toBe(handle);
    expect(tpm.tpm.state.ram.sessions.get(0)).toEqual(session);
  });

  test("a session's context is good for once", () => {
    const tpm = TestTpm.started();
    const { handle } = startSession(tpm);
    const first = save(tpm, handle);
    expect(load(tpm, first)).toBe("TPM_RC_SUCCESS");
    expect(load(tpm, first)).toBe("TPM_RC_HANDLE (parameter 1)");
    const second = save(tpm, handle);
    expect(load(tpm, first)).toBe("TPM_RC_HANDLE (parameter 1)");
    expect(load(tpm, second)).toBe("TPM_RC_SUCCESS");
  });

  test("need a free slot", () => {
    const tpm = TestTpm.started();
    const context = save(tpm, sealed(tpm));
    sealed(tpm);
    sealed(tpm);
    expect(load(tpm, context)).toBe("TPM_RC_OBJECT_MEMORY");
    const sessions = [startSession(tpm), startSession(tpm), startSession(tpm)];
    const saved = save(tpm, sessions[0]?.handle ?? 0);
    startSession(tpm);
    expect(load(tpm, saved)).toBe("TPM_RC_SESSION_MEMORY");
  });

  test("an object whose hierarchy is disabled cannot come back", () => {
    const tpm = TestTpm.started();
    const context = save(tpm, sealed(tpm, SEALED, TPM_RH.ENDORSEMENT));
    givenStateClear(tpm, { ehEnable: 0 });
    expect(load(tpm, context)).toBe("TPM_RC_HIERARCHY (parameter 1)");
  });

  test.each<readonly [name: string, changes: (context: TPMS_CONTEXT) => Partial<TPMS_CONTEXT>, outcome: string]>([
    ["another sequence number", () => ({ sequence: 7n }), "TPM_RC_INTEGRITY (parameter 1)"],
    ["another kind", () => ({ savedHandle: 0x8000_0002 }), "TPM_RC_INTEGRITY (parameter 1)"],
    ["another hierarchy", () => ({ hierarchy: TPM_RH.NULL }), "TPM_RC_INTEGRITY (parameter 1)"],
    [
      "another content",
      ({ contextBlob }) => ({ contextBlob: contextBlob.map((b, i) => (i === 70 ? 255 - b : b)) }),
      "TPM_RC_INTEGRITY (parameter 1)",
    ],
    ["nothing", () => ({ contextBlob: EMPTY }), "TPM_RC_INSUFFICIENT"],
    [
      "an integrity value that is too long",
      () => ({ contextBlob: concatBytes(encode(UINT16, 65), new Uint8Array(70)) }),
      "TPM_RC_SIZE",
    ],
    [
      "an integrity value that is too short",
      () => ({ contextBlob: concatBytes(encode(UINT16, 32), new Uint8Array(70)) }),
      "TPM_RC_SIZE (parameter 1)",
    ],
    [
      "only an integrity value",
      ({ contextBlob }) => ({ contextBlob: contextBlob.slice(0, 73) }),
      "TPM_RC_SIZE (parameter 1)",
    ],
  ])("refuse %s", (_name, changes, outcome) => {
    const tpm = TestTpm.started();
    const context = save(tpm, sealed(tpm));
    expect(load(tpm, { ...context, ...changes(context) })).toBe(outcome);
  });

  test("integrity is checked before anything else", () => {
    const tpm = TestTpm.started();
    const context = save(tpm, sealed(tpm, SEALED, TPM_RH.ENDORSEMENT));
    givenStateClear(tpm, { ehEnable: 0 });
    expect(load(tpm, { ...context, sequence: 9n })).toBe("TPM_RC_INTEGRITY (parameter 1)");
  });

  test("a context of another TPM is refused", () => {
    const tpm = TestTpm.started();
    const context = save(tpm, sealed(tpm));
    givenPersistent(tpm, { shProof: new Uint8Array(64) });
    expect(load(tpm, context)).toBe("TPM_RC_INTEGRITY (parameter 1)");
  });

  test("saving takes an orderly shutdown back; loading does so for sessions only", () => {
    const tpm = TestTpm.started();
    const object = sealed(tpm);
    const { handle } = startSession(tpm);
    const orderly = () => tpm.tpm.state.nv.persistent.orderlyState !== ORDERLY.NONE;
    const shutDown = () => givenPersistent(tpm, { orderlyState: TPM_SU.CLEAR });
    shutDown();
    const context = save(tpm, object);
    expect(orderly()).toBe(false);
    shutDown();
    expect(load(tpm, context)).toBe("TPM_RC_SUCCESS");
    expect(orderly()).toBe(true);
    const saved = save(tpm, handle);
    expect(orderly()).toBe(false);
    shutDown();
    expect(load(tpm, saved)).toBe("TPM_RC_SUCCESS");
    expect(orderly()).toBe(false);
  });

  test("the gap between saved contexts of sessions is limited", () => {
    const tpm = TestTpm.started();
    const [oldest, other] = [startSession(tpm).handle, startSession(tpm).handle];
    const context = save(tpm, oldest);
    const { stateReset } = tpm.tpm.state.ram;
    // As if 65535 contexts had been saved since.
    givenRam(tpm, { stateReset: { ...stateReset, contextCounter: context.sequence + 0x1_0000n } });
    expect(tpm.run(ContextSave, { saveHandle: other }).text).toBe("TPM_RC_CONTEXT_GAP");
    expect(load(tpm, context)).toBe("TPM_RC_SUCCESS");
    expect(tpm.run(ContextSave, { saveHandle: other }).text).toBe("TPM_RC_SUCCESS");
  });

  test("the last slot is kept for the oldest saved session when its turn has come", () => {
    const tpm = TestTpm.started();
    const [oldest, younger] = [startSession(tpm).handle, startSession(tpm).handle];
    const [first, second] = [save(tpm, oldest), save(tpm, younger)];
    startSession(tpm);
    startSession(tpm);
    const { stateReset } = tpm.tpm.state.ram;
    givenRam(tpm, { stateReset: { ...stateReset, contextCounter: first.sequence + 0x1_0000n } });
    expect(load(tpm, second)).toBe("TPM_RC_CONTEXT_GAP");
    expect(load(tpm, first)).toBe("TPM_RC_SUCCESS");
  });

  test("the counter of saved sessions can run out", () => {
    const tpm = TestTpm.started();
    const { handle } = startSession(tpm);
    const { stateReset } = tpm.tpm.state.ram;
    givenRam(tpm, { stateReset: { ...stateReset, contextCounter: 0xffff_ffff_ffff_ffffn } });
    expect(tpm.run(ContextSave, { saveHandle: handle }).text).toBe("TPM_RC_TOO_MANY_CONTEXTS");
  });

  test("refuse what is genuine and cannot be read, as libtpms does", () => {
    const tpm = TestTpm.started();
    const engine = new Engine(tpm.platform, tpm.tpm.state, COMMANDS);
    const identity = { sequence: 1n, savedHandle: 0x8000_0000, hierarchy: TPM_RH.OWNER } as const;
    const contextBlob = protectContext(engine, identity, text("of another version"));
    expect(load(tpm, { ...identity, contextBlob })).toBe("TPM_RC_OBJECT_MEMORY");
  });

  test("no session may accompany them", () => {
    const tpm = TestTpm.started();
    const saveHandle = sealed(tpm);
    const session = startSession(tpm);
    expect(tpm.run(ContextSave, { saveHandle }, [session.with({ audit: true, continueSession: true })]).text).toBe(
      "TPM_RC_AUTH_CONTEXT",
    );
  });
});

describe("TPM2_FlushContext", () => {
  test("removes objects and sequences", () => {
    const tpm = TestTpm.started();
    const flushHandle = primary(tpm, ECC_STORAGE).objectHandle;
    expect(tpm.run(FlushContext, { flushHandle }).text).toBe("TPM_RC_SUCCESS");
    expect(tpm.tpm.state.ram.objects.size).toBe(0);
    expect(tpm.run(FlushContext, { flushHandle }).text).toBe("TPM_RC_HANDLE (parameter 1)");
  });

  test("ends sessions, loaded or saved", () => {
    const tpm = TestTpm.started();
    const [first, second] = [startSession(tpm).handle, startSession(tpm).handle];
    const context = save(tpm, second);
    givenRam(tpm, { exclusiveAuditSession: first });
    expect(tpm.run(FlushContext, { flushHandle: first }).text).toBe("TPM_RC_SUCCESS");
    expect(tpm.tpm.state.ram.exclusiveAuditSession).toBe(TPM_RH.UNASSIGNED);
    expect(tpm.run(FlushContext, { flushHandle: second }).text).toBe("TPM_RC_SUCCESS");
    expect(load(tpm, context)).toBe("TPM_RC_HANDLE (parameter 1)");
    expect(tpm.run(FlushContext, { flushHandle: second }).text).toBe("TPM_RC_HANDLE (parameter 1)");
    expect(tpm.tpm.state.ram.stateReset.contextArray.every((entry) => entry === 0)).toBe(true);
  });
});

import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { HANDLE, TPM_RH } from "../../spec/handles.ts";
import { text as bytesOf, hash, hmac } from "../../testing/caller-crypto.ts";
import { cipherTemplate, createKey, keyedHashTemplate } from "../../testing/create-key.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { ContextLoad } from "../context-management/ContextLoad.ts";
import { ContextSave } from "../context-management/ContextSave.ts";
import { FlushContext } from "../context-management/FlushContext.ts";
import { Hash } from "../symmetric/Hash.ts";
import { MAC } from "../symmetric/MAC.ts";
import { EventSequenceComplete } from "./EventSequenceComplete.ts";
import { HashSequenceStart } from "./HashSequenceStart.ts";
import { MAC_Start } from "./MAC_Start.ts";
import { SequenceComplete } from "./SequenceComplete.ts";
import { SequenceUpdate } from "./SequenceUpdate.ts";

const NO_TICKET = { tag: TPM_ST.HASHCHECK, hierarchy: TPM_RH.NULL, digest: EMPTY };
const GENERATED = Uint8Array.of(0xff, 0x54, 0x43, 0x47);
const counting = (size: number): Bytes => Uint8Array.from({ length: size }, (_, i) => i % 251);
const HMAC_SHA512 = { scheme: TPM_ALG.HMAC, details: { hashAlg: TPM_ALG.SHA512 } } as const;

function start(tpm: TestTpm, hashAlg: number, auth: Bytes = EMPTY): number {
  return tpm.run(HashSequenceStart, { auth, hashAlg }).out.sequenceHandle;
}

function complete(tpm: TestTpm, sequenceHandle: number, parts: readonly Bytes[], hierarchy: number = TPM_RH.OWNER) {
  for (const buffer of parts.slice(0, -1)) {
    expect(tpm.run(SequenceUpdate, { sequenceHandle, buffer }).text).toBe("TPM_RC_SUCCESS");
  }
  return tpm.run(SequenceComplete, { sequenceHandle, buffer: parts.at(-1) ?? EMPTY, hierarchy });
}

describe("a hash sequence", () => {
  test.each(["SHA1", "SHA256", "SHA384", "SHA512"] as const)(
    "hashes with %s like one call, ticket included",
    (name) => {
      const tpm = TestTpm.started();
      const hashAlg = TPM_ALG[name];
      const parts = [counting(5), counting(200), EMPTY, counting(1024), counting(63)];
      const { result, validation } = complete(tpm, start(tpm, hashAlg), parts).out;
      expect(result).toEqual(hash(hashAlg, ...parts));
      const short = tpm.run(Hash, { data: counting(99), hashAlg, hierarchy: TPM_RH.OWNER }).out;
      const again = complete(tpm, start(tpm, hashAlg), [counting(40), counting(99).slice(40)]).out;
      expect(again).toEqual({ result: short.outHash, validation: short.validation });
      expect(validation.digest.length).toBe(64);
    },
  );

  test.each([
    ["starts as the TPM's own", [concatBytes(GENERATED, counting(9))], TPM_RH.OWNER],
    ["starts as the TPM's own, in a first block", [GENERATED, counting(9)], TPM_RH.OWNER],
    ["has a first block too short to tell", [counting(3), counting(9)], TPM_RH.OWNER],
    ["is nothing", [EMPTY], TPM_RH.OWNER],
    ["is for the NULL hierarchy", [counting(9)], TPM_RH.NULL],
  ])("makes no ticket for data that %s", (_, parts, hierarchy) => {
    const tpm = TestTpm.started();
    const { result, validation } = complete(tpm, start(tpm, TPM_ALG.SHA256), parts, hierarchy).out;
    expect(result).toEqual(hash(TPM_ALG.SHA256, ...parts));
    expect(validation).toEqual(NO_TICKET);
  });

  test("is gone when it is complete, and only then", () => {
    const tpm = TestTpm.started();
    const handle = start(tpm, TPM_ALG.SHA256, bytesOf("secret"));
    const input = { sequenceHandle: handle, buffer: EMPTY, hierarchy: TPM_RH.NULL };
    expect(tpm.run(SequenceComplete, input).text).toBe("TPM_RC_BAD_AUTH (session 1)");
    expect(tpm.run(SequenceComplete, input, ["secret"]).text).toBe("TPM_RC_SUCCESS");
    expect(tpm.run(SequenceComplete, input, ["secret"]).text).toMatch(/^TPM_RC_REFERENCE_H0/);
  });

  test("goes on after it was saved and loaded", () => {
    const tpm = TestTpm.started();
    const sequenceHandle = start(tpm, TPM_ALG.SHA384);
    tpm.run(SequenceUpdate, { sequenceHandle, buffer: counting(150) });
    const { context } = tpm.run(ContextSave, { saveHandle: sequenceHandle }).out;
    tpm.run(FlushContext, { flushHandle: sequenceHandle });
    const { loadedHandle } = tpm.run(ContextLoad, { context }).out;
    const { result } = complete(tpm, loadedHandle, [counting(150)]).out;
    expect(result).toEqual(hash(TPM_ALG.SHA384, counting(150), counting(150)));
  });

  test("needs a free slot", () => {
    const tpm = TestTpm.started();
    const handles = [1, 2, 3].map(() => start(tpm, TPM_ALG.SHA256));
    expect(handles).toEqual([0, 1, 2].map((slot) => HANDLE.TRANSIENT_FIRST + slot));
    expect(tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.NULL }).text).toBe("TPM_RC_OBJECT_MEMORY");
  });
});

describe("a MAC sequence", () => {
  const parts = [counting(1), counting(15), counting(16), EMPTY, counting(200), counting(7)];

  test("makes the HMAC that one call makes", () => {
    const tpm = TestTpm.started();
    const template = keyedHashTemplate({ sign: true, sensitiveDataOrigin: false }, HMAC_SHA512);
    const { handle } = createKey(tpm, template, { data: bytesOf("key") });
    const { sequenceHandle } = tpm.run(MAC_Start, { handle, auth: EMPTY, inScheme: TPM_ALG.NULL }).out;
    const { result, validation } = complete(tpm, sequenceHandle, parts).out;
    expect(result).toEqual(hmac(TPM_ALG.SHA512, bytesOf("key"), ...parts));
    expect(validation).toEqual(NO_TICKET);
  });

  test.each([
    ["AES", { algorithm: TPM_ALG.AES, keyBits: 256, mode: TPM_ALG.CMAC }],
    ["TDES", { algorithm: TPM_ALG.TDES, keyBits: 192, mode: TPM_ALG.CMAC }],
  ] as const)("makes the CMAC that one call makes, with %s", (_, sym) => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, cipherTemplate({ sign: true }, sym));
    const { sequenceHandle } = tpm.run(MAC_Start, { handle, auth: EMPTY, inScheme: TPM_ALG.NULL }).out;
    const { result } = complete(tpm, sequenceHandle, parts).out;
    const buffer = concatBytes(...parts);
    expect(result).toEqual(tpm.run(MAC, { handle, buffer, inScheme: TPM_ALG.CMAC }).out.outMAC);
  });

  test("of nothing is a MAC too", () => {
    const tpm = TestTpm.started();
    const template = keyedHashTemplate({ sign: true, sensitiveDataOrigin: false }, HMAC_SHA512);
    const { handle } = createKey(tpm, template, { data: bytesOf("key") });
    const { sequenceHandle } = tpm.run(MAC_Start, { handle, auth: EMPTY, inScheme: TPM_ALG.NULL }).out;
    expect(complete(tpm, sequenceHandle, [EMPTY]).out.result).toEqual(hmac(TPM_ALG.SHA512, bytesOf("key")));
  });

  test("is refused to keys that make no MAC", () => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, cipherTemplate({ sign: true }));
    const run = (inScheme: number) => tpm.run(MAC_Start, { handle, auth: EMPTY, inScheme }).text;
    expect(run(TPM_ALG.NULL)).toBe("TPM_RC_VALUE (parameter 2)");
    expect(run(TPM_ALG.SHA256)).toBe("TPM_RC_SCHEME (parameter 2)");
    expect(run(TPM_ALG.CMAC)).toBe("TPM_RC_SUCCESS");
  });
});

describe("what is not the right kind of sequence is refused", () => {
  test("a key by all commands", () => {
    const tpm = TestTpm.started();
    const { handle } = createKey(tpm, keyedHashTemplate({ sign: true }, HMAC_SHA512));
    const input = { sequenceHandle: handle, buffer: EMPTY, hierarchy: TPM_RH.NULL, pcrHandle: TPM_RH.NULL };
    expect(tpm.run(SequenceUpdate, input).text).toBe("TPM_RC_MODE (handle 1)");
    expect(tpm.run(SequenceComplete, input).text).toBe("TPM_RC_MODE (handle 1)");
    expect(tpm.run(EventSequenceComplete, input).text).toBe("TPM_RC_MODE (handle 2)");
  });

  test("an event sequence by TPM2_SequenceComplete", () => {
    const tpm = TestTpm.started();
    const input = { sequenceHandle: start(tpm, TPM_ALG.NULL), buffer: EMPTY, hierarchy: TPM_RH.NULL };
    expect(tpm.run(SequenceComplete, input).text).toBe("TPM_RC_MODE (handle 1)");
  });

  test("a hash sequence by TPM2_EventSequenceComplete", () => {
    const tpm = TestTpm.started();
    const input = { sequenceHandle: start(tpm, TPM_ALG.SHA256), buffer: EMPTY, pcrHandle: TPM_RH.NULL };
    expect(tpm.run(EventSequenceComplete, input).text).toBe("TPM_RC_MODE (handle 2)");
  });

  test("a sequence by commands that need a key", () => {
    const tpm = TestTpm.started();
    const handle = start(tpm, TPM_ALG.SHA256);
    expect(tpm.run(MAC, { handle, buffer: EMPTY, inScheme: TPM_ALG.SHA256 }).text).toBe("TPM_RC_TYPE (handle 1)");
  });
});

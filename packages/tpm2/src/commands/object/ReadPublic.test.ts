import { EMPTY, encode } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMT_PUBLIC } from "../../spec/structures/index.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { primary } from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { EvictControl } from "../context-management/EvictControl.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { ReadPublic } from "./ReadPublic.ts";

describe("TPM2_ReadPublic", () => {
  test("tells public area, Name and Qualified Name", () => {
    const tpm = TestTpm.started();
    const { objectHandle, outPublic } = primary(tpm);
    const name = Uint8Array.of(0, 0x0b, ...hash(TPM_ALG.SHA256, encode(TPMT_PUBLIC, outPublic)));
    const qualifiedName = Uint8Array.of(0, 0x0b, ...hash(TPM_ALG.SHA256, Uint8Array.of(0x40, 0, 0, 1), name));
    expect(tpm.run(ReadPublic, { objectHandle }).out).toEqual({ outPublic, name, qualifiedName });
  });

  test("reads a persistent object, which takes a slot meanwhile", () => {
    const tpm = TestTpm.started();
    const { objectHandle, outPublic } = primary(tpm);
    tpm.run(EvictControl, { auth: TPM_RH.OWNER, objectHandle, persistentHandle: 0x8100_0001 });
    const read = () => tpm.run(ReadPublic, { objectHandle: 0x8100_0001 });
    expect(read().out.outPublic).toEqual(outPublic);
    primary(tpm);
    primary(tpm);
    expect(read().text).toBe("TPM_RC_OBJECT_MEMORY");
  });

  test("refuses a sequence", () => {
    const tpm = TestTpm.started();
    const { out } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 });
    expect(tpm.run(ReadPublic, { objectHandle: out.sequenceHandle }).text).toBe("TPM_RC_SEQUENCE");
  });
});

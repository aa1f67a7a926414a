import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { text } from "../../testing/caller-crypto.ts";
import { child, ECC_STORAGE, loaded, primary, SEALED } from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { ObjectChangeAuth } from "./ObjectChangeAuth.ts";
import { Unseal } from "./Unseal.ts";

function setUp() {
  const tpm = TestTpm.started();
  const { objectHandle: parentHandle } = primary(tpm);
  const { outPrivate, outPublic } = child(tpm, parentHandle, SEALED, { data: text("data"), userAuth: text("old") });
  return { tpm, parentHandle, outPublic, objectHandle: loaded(tpm, parentHandle, { outPrivate, outPublic }) };
}

describe("TPM2_ObjectChangeAuth", () => {
  test("gives out an object with another authValue; the loaded one keeps its own", () => {
    const { tpm, parentHandle, objectHandle, outPublic } = setUp();
    const newAuth = text("new");
    const { out } = tpm.run(ObjectChangeAuth, { objectHandle, parentHandle, newAuth }, ["old"]);
    const changed = loaded(tpm, parentHandle, { outPrivate: out.outPrivate, outPublic });
    expect(tpm.run(Unseal, { itemHandle: changed }, ["new"]).out.outData).toEqual(text("data"));
    expect(tpm.run(Unseal, { itemHandle: objectHandle }, ["old"]).out.outData).toEqual(text("data"));
  });

  test("refuses an authValue longer than a digest, zeros at its end aside, before it looks at the parent", () => {
    const { tpm, parentHandle, objectHandle } = setUp();
    const long = new Uint8Array(33).fill(1);
    const run = (parent: number, newAuth: Uint8Array) =>
      tpm.run(ObjectChangeAuth, { objectHandle, parentHandle: parent, newAuth }, ["old"]).text;
    expect(run(objectHandle, long)).toBe("TPM_RC_SIZE (parameter 1)");
    expect(run(parentHandle, Uint8Array.of(...new Uint8Array(32).fill(1), 0, 0))).toBe("TPM_RC_SUCCESS");
  });

  test("refuses what is not the object's parent", () => {
    const { tpm, objectHandle } = setUp();
    const { objectHandle: other } = primary(tpm, ECC_STORAGE, TPM_RH.ENDORSEMENT);
    const run = (parentHandle: number) =>
      tpm.run(ObjectChangeAuth, { objectHandle, parentHandle, newAuth: EMPTY }, ["old"]).text;
    expect(run(other)).toBe("TPM_RC_TYPE (handle 2)");
    expect(run(objectHandle)).toBe("TPM_RC_TYPE (handle 2)");
  });

  test("refuses a sequence", () => {
    const { tpm, parentHandle } = setUp();
    const { out } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 });
    const input = { objectHandle: out.sequenceHandle, parentHandle, newAuth: EMPTY };
    expect(tpm.run(ObjectChangeAuth, input).text).toBe("TPM_RC_TYPE (handle 1)");
  });
});

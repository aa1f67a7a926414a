import { type Bytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import type { Command } from "../../dispatch/command.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { givenDefined } from "../../testing/defined-index.ts";
import { digestOf } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import type { TestSession } from "../../testing/test-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyCommandCode } from "../enhanced-authorization/PolicyCommandCode.ts";
import { NV_ChangeAuth } from "./NV_ChangeAuth.ts";
import { NV_ReadPublic } from "./NV_ReadPublic.ts";
import { NV_UndefineSpace } from "./NV_UndefineSpace.ts";
import { NV_UndefineSpaceSpecial } from "./NV_UndefineSpaceSpecial.ts";

const OK = "TPM_RC_SUCCESS";

/** The policy that allows one command. */
function policyFor({ code }: Command): Bytes {
  const tpm = TestTpm.started();
  const trial = startTrial(tpm);
  tpm.run(PolicyCommandCode, { policySession: trial.handle, code });
  return digestOf(tpm, trial);
}

function sessionFor(tpm: TestTpm, { code }: Command): TestSession {
  const session = startPolicy(tpm);
  expect(tpm.run(PolicyCommandCode, { policySession: session.handle, code }).text).toBe(OK);
  return session;
}

describe("TPM2_NV_UndefineSpace", () => {
  test.each([
    ["the owner's by the owner", {}, TPM_RH.OWNER],
    ["the owner's by the platform", {}, TPM_RH.PLATFORM],
    ["the platform's by the platform", { PLATFORMCREATE: true }, TPM_RH.PLATFORM],
    ["an orderly one", { ORDERLY: true }, TPM_RH.OWNER],
  ])("removes %s", (_name, attributes, authHandle) => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes });
    expect(tpm.run(NV_UndefineSpace, { authHandle, nvIndex }).text).toBe(OK);
    expect(tpm.run(NV_ReadPublic, { nvIndex }).text).toBe("TPM_RC_HANDLE (handle 1)");
    const { nv, ram } = tpm.tpm.state;
    expect([nv.indices.size, nv.orderlyIndices.size, ram.orderlyIndices.size]).toEqual([0, 0, 0]);
  });

  test.each([
    ["the platform's by the owner", { PLATFORMCREATE: true }, TPM_RH.OWNER, "TPM_RC_NV_AUTHORIZATION"],
    [
      "one that only its policy removes, even by the owner",
      { PLATFORMCREATE: true, POLICY_DELETE: true },
      TPM_RH.OWNER,
      "TPM_RC_ATTRIBUTES (handle 2)",
    ],
  ])("refuses %s", (_name, attributes, authHandle, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes });
    expect(tpm.run(NV_UndefineSpace, { authHandle, nvIndex }).text).toBe(text);
    expect(tpm.tpm.state.nv.indices.size).toBe(1);
  });

  test("does not find what is not defined", () => {
    const answer = TestTpm.started().run(NV_UndefineSpace, { authHandle: TPM_RH.OWNER, nvIndex: 0x0100_0001 });
    expect(answer.text).toBe("TPM_RC_HANDLE (handle 2)");
  });
});

describe("TPM2_NV_UndefineSpaceSpecial", () => {
  const authPolicy = policyFor(NV_UndefineSpaceSpecial);
  const platform = TPM_RH.PLATFORM;

  test("removes what only its policy removes", () => {
    const tpm = TestTpm.started();
    const attributes = { PLATFORMCREATE: true, POLICY_DELETE: true, POLICYREAD: true };
    const nvIndex = givenDefined(tpm, { attributes, authPolicy });
    const session = sessionFor(tpm, NV_UndefineSpaceSpecial);
    expect(tpm.run(NV_UndefineSpaceSpecial, { nvIndex, platform }, [session, ""]).text).toBe(OK);
    expect(tpm.tpm.state.nv.indices.size).toBe(0);
    expect(tpm.faults).toEqual([]);
  });

  test("refuses any other Index, and any other authorization", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes: { PLATFORMCREATE: true }, authPolicy });
    const session = sessionFor(tpm, NV_UndefineSpaceSpecial);
    expect(tpm.run(NV_UndefineSpaceSpecial, { nvIndex, platform }, [session, ""]).text).toBe(
      "TPM_RC_ATTRIBUTES (handle 1)",
    );
    expect(tpm.run(NV_UndefineSpaceSpecial, { nvIndex, platform }).text).toBe("TPM_RC_AUTH_TYPE");
  });
});

describe("TPM2_NV_ChangeAuth", () => {
  const authPolicy = policyFor(NV_ChangeAuth);

  test.each([
    ["takes a new authValue without its trailing zeros", Uint8Array.of(1, 2, 0, 0), OK, Uint8Array.of(1, 2)],
    [
      "takes one as long as the digest, with zeros behind",
      Uint8Array.from({ length: 40 }, (_, i) => (i < 32 ? 1 : 0)),
      OK,
      new Uint8Array(32).fill(1),
    ],
    ["refuses one longer than the digest", new Uint8Array(33).fill(1), "TPM_RC_SIZE (parameter 1)", EMPTY],
  ])("%s", (_name, newAuth, text, authValue) => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { authPolicy });
    const session = sessionFor(tpm, NV_ChangeAuth);
    expect(tpm.run(NV_ChangeAuth, { nvIndex, newAuth }, [session]).text).toBe(text);
    expect(tpm.tpm.state.nv.indices.get(nvIndex)?.authValue).toEqual(authValue);
  });

  test("needs the policy", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { authPolicy });
    expect(tpm.run(NV_ChangeAuth, { nvIndex, newAuth: EMPTY }).text).toBe("TPM_RC_AUTH_TYPE");
  });
});

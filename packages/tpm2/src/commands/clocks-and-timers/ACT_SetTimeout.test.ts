import { concatBytes, encode, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { LATEST } from "../../profile.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP, TPM_EO, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { givenStateClear } from "../../testing/given.ts";
import { extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { GetCapability } from "../capability/GetCapability.ts";
import { FlushContext } from "../context-management/FlushContext.ts";
import { PolicyCapability } from "../enhanced-authorization/PolicyCapability.ts";
import { PolicyLocality } from "../enhanced-authorization/PolicyLocality.ts";
import { SetPrimaryPolicy } from "../hierarchy/SetPrimaryPolicy.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { ACT_SetTimeout } from "./ACT_SetTimeout.ts";

const STOPPED = 0xffffffff;
const actHandle = TPM_RH.ACT_0;
const started = () => TestTpm.started({ profile: LATEST });
const set = (tpm: TestTpm, startTimeout: number) => tpm.run(ACT_SetTimeout, { actHandle, startTimeout }).text;

/** What TPM2_GetCapability tells of the first timer: seconds left, and whether it is signaled. */
function timer(tpm: TestTpm): readonly [timeout: number, signaled: boolean] {
  const { out } = tpm.run(GetCapability, { capability: TPM_CAP.ACT, property: actHandle, propertyCount: 1 });
  const [{ timeout, attributes }] = out.capabilityData.data;
  return [timeout, attributes === 1];
}

const pass = (tpm: TestTpm, ms: number): void => {
  tpm.platform.clock += ms;
};

describe("TPM2_ACT_SetTimeout", () => {
  test("makes a timer run down and be signaled", () => {
    const tpm = started();
    expect(timer(tpm)).toEqual([0, false]);
    expect(set(tpm, 10)).toBe("TPM_RC_SUCCESS");
    expect(timer(tpm)).toEqual([10, false]);
    pass(tpm, 2500);
    expect(timer(tpm)).toEqual([8, false]);
    pass(tpm, 7499);
    expect(timer(tpm)).toEqual([1, false]);
    pass(tpm, 1);
    expect(timer(tpm)).toEqual([0, true]);
  });

  test("set again takes the signal back", () => {
    const tpm = started();
    set(tpm, 1);
    pass(tpm, 1000);
    set(tpm, 5);
    expect(timer(tpm)).toEqual([5, false]);
  });

  test("with zero ends a running timer, and no other", () => {
    const tpm = started();
    set(tpm, 0);
    expect(timer(tpm)).toEqual([0, false]);
    set(tpm, 9);
    set(tpm, 0);
    expect(timer(tpm)).toEqual([0, true]);
  });

  test("stops a timer only once it is signaled", () => {
    const tpm = started();
    expect(set(tpm, STOPPED)).toBe("TPM_RC_VALUE (parameter 1)");
    set(tpm, 1);
    expect(set(tpm, STOPPED)).toBe("TPM_RC_VALUE (parameter 1)");
    pass(tpm, 1000);
    expect(set(tpm, STOPPED)).toBe("TPM_RC_SUCCESS");
    expect(timer(tpm)).toEqual([STOPPED, false]);
  });

  test("takes back an earlier Shutdown", () => {
    const tpm = started();
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    set(tpm, 1);
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(0xffff);
  });

  test("refuses a timer that the TPM does not have", () => {
    expect(started().run(ACT_SetTimeout, { actHandle: TPM_RH.ACT_2, startTimeout: 1 }).text).toBe(
      "TPM_RC_VALUE (handle 1)",
    );
  });
});

describe("a timer is authorized", () => {
  test("by the platform's authValue", () => {
    const tpm = started();
    givenStateClear(tpm, { platformAuth: Uint8Array.of(7) });
    const run = (auth: Uint8Array) => tpm.run(ACT_SetTimeout, { actHandle, startTimeout: 1 }, [auth]).text;
    expect(run(Uint8Array.of(8))).toBe("TPM_RC_BAD_AUTH (session 1)");
    expect(run(Uint8Array.of(7))).toBe("TPM_RC_SUCCESS");
  });

  test("by its own policy", () => {
    const tpm = started();
    const authPolicy = extended(noPolicy(), TPM_CC.PolicyLocality, Uint8Array.of(1));
    tpm.run(SetPrimaryPolicy, { authHandle: actHandle, authPolicy, hashAlg: TPM_ALG.SHA256 });
    const session = startPolicy(tpm);
    tpm.run(PolicyLocality, { policySession: session.handle, locality: 1 });
    expect(tpm.run(ACT_SetTimeout, { actHandle, startTimeout: 1 }, [session]).text).toBe("TPM_RC_SUCCESS");
    const other = startPolicy(tpm);
    expect(tpm.run(ACT_SetTimeout, { actHandle, startTimeout: 1 }, [other]).text).toBe(
      "TPM_RC_POLICY_FAIL (session 1)",
    );
    const policies = tpm.run(GetCapability, {
      capability: TPM_CAP.AUTH_POLICIES,
      property: actHandle,
      propertyCount: 1,
    });
    expect(policies.out.capabilityData.data[0].policyHash.digest).toEqual(authPolicy);
  });
});

test("a policy may depend on a timer", () => {
  const tpm = started();
  set(tpm, 3);
  const wanted = concatBytes(encode(UINT32, actHandle), encode(UINT32, 3), encode(UINT32, 0));
  const check = (asked: TestTpm, property: number): string => {
    const input = { operandB: wanted, offset: 0, operation: TPM_EO.EQ, capability: TPM_CAP.ACT, property };
    const session = startPolicy(asked);
    const answer = asked.run(PolicyCapability, { policySession: session.handle, ...input }).text;
    asked.run(FlushContext, { flushHandle: session.handle });
    return answer;
  };
  expect(check(tpm, actHandle)).toBe("TPM_RC_SUCCESS");
  expect(check(tpm, TPM_RH.ACT_1)).toBe("TPM_RC_POLICY");
  expect(check(tpm, TPM_RH.ACT_2)).toBe("TPM_RC_POLICY");
  expect(check(tpm, TPM_RH.OWNER)).toBe("TPM_RC_VALUE (parameter 5)");
  pass(tpm, 1000);
  expect(check(tpm, actHandle)).toBe("TPM_RC_POLICY");
  expect(check(TestTpm.started(), actHandle)).toBe("TPM_RC_VALUE (parameter 4)");
});

describe("over a restart a timer", () => {
  const restarted = (tpm: TestTpm, shutdown: number, startup: number): TestTpm => {
    tpm.run(Shutdown, { shutdownType: shutdown });
    tpm.powerOn(startup);
    return tpm;
  };

  test("goes on with what was left, and with half of it if it was not set since the last one", () => {
    const tpm = started();
    set(tpm, 100);
    pass(tpm, 10_000);
    restarted(tpm, TPM_SU.STATE, TPM_SU.STATE);
    expect(timer(tpm)).toEqual([90, false]);
    pass(tpm, 10_000);
    restarted(tpm, TPM_SU.STATE, TPM_SU.STATE);
    expect(timer(tpm)).toEqual([40, false]);
    pass(tpm, 40_000);
    expect(timer(tpm)).toEqual([0, true]);
  });

  test("stays signaled, or stopped", () => {
    const tpm = started();
    set(tpm, 1);
    pass(tpm, 1000);
    expect(timer(restarted(tpm, TPM_SU.STATE, TPM_SU.STATE))).toEqual([0, true]);
    set(tpm, STOPPED);
    expect(timer(restarted(tpm, TPM_SU.STATE, TPM_SU.STATE))).toEqual([STOPPED, false]);
  });

  test("is forgotten unless the TPM resumes", () => {
    const tpm = started();
    set(tpm, 100);
    expect(timer(restarted(tpm, TPM_SU.STATE, TPM_SU.CLEAR))).toEqual([0, false]);
    expect(tpm.tpm.state.nv.extension).toBeUndefined();
  });
});

import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { ClockRateAdjust } from "../commands/clocks-and-timers/ClockRateAdjust.ts";
import { ClockSet } from "../commands/clocks-and-timers/ClockSet.ts";
import { ContextLoad } from "../commands/context-management/ContextLoad.ts";
import { ContextSave } from "../commands/context-management/ContextSave.ts";
import { FlushContext } from "../commands/context-management/FlushContext.ts";
import { PolicyAuthValue } from "../commands/enhanced-authorization/PolicyAuthValue.ts";
import { PolicySecret } from "../commands/enhanced-authorization/PolicySecret.ts";
import { Clear } from "../commands/hierarchy/Clear.ts";
import { ClearControl } from "../commands/hierarchy/ClearControl.ts";
import { NV_Read } from "../commands/non-volatile-storage/NV_Read.ts";
import { Unseal } from "../commands/object/Unseal.ts";
import { GetRandom } from "../commands/random-number-generator/GetRandom.ts";
import { StartAuthSession } from "../commands/session/StartAuthSession.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG, TPM_SE } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { text } from "../testing/caller-crypto.ts";
import { givenIndex, givenPersistent } from "../testing/given.ts";
import { extended, noPolicy } from "../testing/policy-digests.ts";
import { AES_128_CFB, startPolicy, startSession } from "../testing/start-session.ts";
import { primary, SEALED } from "../testing/templates.ts";
import type { TestSession } from "../testing/test-session.ts";
import { type Auth, TestTpm } from "../testing/test-tpm.ts";

const SECRET = text("secret");
const RECOVERY_MS = 1_000_000;
const FAILED = "TPM_RC_AUTH_FAIL (session 1)";
const LOCKED = "TPM_RC_LOCKOUT";

/** A TPM with an Index and an object whose authValues are protected; the Index takes a policy with the authValue, too. */
function given() {
  const tpm = TestTpm.started();
  const { objectHandle } = primary(tpm, SEALED, TPM_RH.OWNER, { userAuth: SECRET, data: text("data") });
  const authPolicy = extended(noPolicy(), TPM_CC.PolicyAuthValue);
  const nvIndex = givenIndex(tpm, { authValue: SECRET, authPolicy, attributes: { NO_DA: false, POLICYREAD: true } });
  givenPersistent(tpm, { lockoutAuth: text("lockout") });
  const unseal = (auth: Auth): string => tpm.run(Unseal, { itemHandle: objectHandle }, [auth]).text;
  const read = (auth: Auth): string =>
    tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 1, offset: 0 }, [auth]).text;
  const failures = (): number => tpm.tpm.state.nv.persistent.failedTries;
  return { tpm, objectHandle, nvIndex, unseal, read, failures };
}

/** The same session after it was outside of the TPM. */
function travelled(tpm: TestTpm, session: TestSession): TestSession {
  const { context } = tpm.run(ContextSave, { saveHandle: session.handle }).out;
  expect(tpm.run(ContextLoad, { context }).out.loadedHandle).toBe(session.handle);
  return session;
}

describe("there is no way round the lockout", () => {
  test("by another entity: objects and Indices have one counter", () => {
    const { unseal, read, failures } = given();
    expect([unseal("a"), read("b"), unseal("c"), read("secret"), unseal("secret")]).toEqual([
      FAILED,
      FAILED,
      FAILED,
      LOCKED,
      LOCKED,
    ]);
    expect(failures()).toBe(3);
  });

  test("by sessions that were saved and loaded: bound ones count, and are refused", () => {
    const { tpm, objectHandle, failures } = given();
    const encrypting = { encrypt: true, continueSession: true } as const;
    const options = { bind: objectHandle, symmetric: AES_128_CFB };
    const wrong = startSession(tpm, { ...options, bindAuth: text("guess") }).with(encrypting);
    const right = startSession(tpm, { ...options, bindAuth: SECRET }).with(encrypting);
    // The object may even be gone: the session remembers what it was bound to.
    tpm.run(FlushContext, { flushHandle: objectHandle });
    const use = (session: TestSession): string =>
      tpm.run(GetRandom, { bytesRequested: 4 }, [travelled(tpm, session)]).text;
    expect(use(right)).toBe("TPM_RC_SUCCESS");
    expect([use(wrong), use(wrong), use(wrong)]).toEqual([FAILED, FAILED, FAILED]);
    expect(failures()).toBe(3);
    expect([use(wrong), use(right)]).toEqual([LOCKED, LOCKED]);
  });

  test("by policy sessions that were saved and loaded", () => {
    const { tpm, read, failures } = given();
    const session = startPolicy(tpm);
    session.leavesOutAuthValue = false;
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    for (let i = 1; i <= 3; i++) {
      expect(read(travelled(tpm, session).knowing(text("guess")))).toBe(FAILED);
      expect(failures()).toBe(i);
    }
    expect(read(travelled(tpm, session).knowing(SECRET))).toBe(LOCKED);
  });

  test("by HMAC sessions that were saved and loaded", () => {
    const { tpm, unseal, failures } = given();
    const session = startSession(tpm);
    for (let i = 1; i <= 3; i++) {
      expect(unseal(travelled(tpm, session).knowing(text("guess")))).toBe(FAILED);
      expect(failures()).toBe(i);
    }
    expect(unseal(travelled(tpm, session).knowing(SECRET))).toBe(LOCKED);
  });

  test("by TPM2_PolicySecret", () => {
    const { tpm, nvIndex, failures } = given();
    const { handle: policySession } = startPolicy(tpm);
    const input = { authHandle: nvIndex, policySession, nonceTPM: EMPTY, cpHashA: EMPTY, policyRef: EMPTY };
    const prove = (password: string): string => tpm.run(PolicySecret, { ...input, expiration: 0 }, [password]).text;
    expect([prove("a"), prove("b"), prove("c"), prove("secret")]).toEqual([FAILED, FAILED, FAILED, LOCKED]);
    expect(failures()).toBe(3);
  });

  test("by binding to what is locked: the session is started, and used for nothing", () => {
    const { tpm, nvIndex, unseal } = given();
    for (const guess of ["a", "b", "c"]) unseal(guess);
    const bound = startSession(tpm, { bind: nvIndex, bindAuth: SECRET, symmetric: AES_128_CFB });
    bound.with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, { bytesRequested: 4 }, [bound]).text).toBe(LOCKED);
  });

  test("by setting Clock or its rate", () => {
    const { tpm, unseal, failures } = given();
    for (const guess of ["a", "b", "c"]) unseal(guess);
    const newTime = 0xffff_0000_0000_0000n;
    expect(tpm.run(ClockSet, { auth: TPM_RH.OWNER, newTime }).text).toBe("TPM_RC_SUCCESS");
    expect(unseal("secret")).toBe(LOCKED);
    for (let i = 0; i < 3; i++) tpm.run(ClockRateAdjust, { auth: TPM_RH.OWNER, rateAdjust: 3 });
    expect(unseal("secret")).toBe(LOCKED);
    // Time goes at most a sixth too fast.
    tpm.platform.clock += Math.floor((RECOVERY_MS * 5) / 6) - 1;
    expect(unseal("secret")).toBe(LOCKED);
    expect(failures()).toBe(3);
  });

  test("by TPM2_Clear with lockoutAuth unknown: that guess closes lockout itself", () => {
    const { tpm, unseal } = given();
    for (const guess of ["a", "b", "c"]) unseal(guess);
    const clear = (password: string): string => tpm.run(Clear, { authHandle: TPM_RH.LOCKOUT }, [password]).text;
    expect(clear("guess")).toBe(FAILED);
    expect(clear("lockout")).toBe(LOCKED);
    expect(unseal("secret")).toBe(LOCKED);
  });

  test("by a session bound to lockout that was saved and loaded", () => {
    const { tpm, failures } = given();
    const wrong = startSession(tpm, { bind: TPM_RH.LOCKOUT, bindAuth: text("guess"), symmetric: AES_128_CFB });
    wrong.with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, { bytesRequested: 4 }, [travelled(tpm, wrong)]).text).toBe(FAILED);
    expect(tpm.run(Clear, { authHandle: TPM_RH.LOCKOUT }, ["lockout"]).text).toBe(LOCKED);
    expect(failures()).toBe(0);
  });
});

describe("TPM2_Clear", () => {
  test("by the platform forgets failures together with all that was protected", () => {
    const { tpm, unseal, failures } = given();
    for (const guess of ["a", "b", "c"]) unseal(guess);
    givenPersistent(tpm, { maxTries: 7, recoveryTime: 5, lockoutRecovery: 5, lockOutAuthEnabled: 0 });
    expect(tpm.run(Clear, { authHandle: TPM_RH.PLATFORM }).text).toBe("TPM_RC_SUCCESS");
    expect(failures()).toBe(0);
    expect(tpm.tpm.state.nv.persistent).toMatchObject({
      maxTries: 3,
      recoveryTime: 1000,
      lockoutRecovery: 1000,
      lockOutAuthEnabled: 1,
      lockoutAuth: EMPTY,
    });
    expect(unseal("secret")).toBe("TPM_RC_REFERENCE_H0");
  });

  test("by lockout works while objects are locked, if TPM2_ClearControl lets it", () => {
    const { tpm, unseal } = given();
    for (const guess of ["a", "b", "c"]) unseal(guess);
    const clear = (): string => tpm.run(Clear, { authHandle: TPM_RH.LOCKOUT }, ["lockout"]).text;
    tpm.run(ClearControl, { auth: TPM_RH.PLATFORM, disable: 1 });
    expect(clear()).toBe("TPM_RC_DISABLED");
    tpm.run(ClearControl, { auth: TPM_RH.PLATFORM, disable: 0 });
    expect(clear()).toBe("TPM_RC_SUCCESS");
  });
});

test("a salted or unbound session is none of lockout's business", () => {
  const { tpm, unseal } = given();
  for (const guess of ["a", "b", "c"]) unseal(guess);
  const input = { tpmKey: TPM_RH.NULL, bind: TPM_RH.NULL, nonceCaller: new Uint8Array(16), encryptedSalt: EMPTY };
  const kind = { sessionType: TPM_SE.HMAC, symmetric: { algorithm: TPM_ALG.NULL }, authHash: TPM_ALG.SHA256 };
  expect(tpm.run(StartAuthSession, { ...input, ...kind }).text).toBe("TPM_RC_SUCCESS");
});

import { type Bytes, EMPTY, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { DictionaryAttackLockReset } from "../commands/dictionary-attack/DictionaryAttackLockReset.ts";
import { PolicyAuthValue } from "../commands/enhanced-authorization/PolicyAuthValue.ts";
import { PolicyPassword } from "../commands/enhanced-authorization/PolicyPassword.ts";
import { PolicyPhysicalPresence } from "../commands/enhanced-authorization/PolicyPhysicalPresence.ts";
import { PolicySecret } from "../commands/enhanced-authorization/PolicySecret.ts";
import { NV_Read } from "../commands/non-volatile-storage/NV_Read.ts";
import { GetRandom } from "../commands/random-number-generator/GetRandom.ts";
import { Shutdown } from "../commands/start-up/Shutdown.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_SU } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { text } from "../testing/caller-crypto.ts";
import { givenIndex, givenPersistent } from "../testing/given.ts";
import { extended, noPolicy } from "../testing/policy-digests.ts";
import { AES_128_CFB, startPolicy, startSession } from "../testing/start-session.ts";
import type { Auth } from "../testing/test-tpm.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const SECRET = text("secret");
const MAX_TRIES = 3;
const RECOVERY_MS = 1_000_000;

/** A TPM with an Index whose authValue is protected. */
function given(options: { readonly noDA?: boolean; readonly authPolicy?: Bytes } = {}) {
  const tpm = TestTpm.started();
  const { noDA = false, authPolicy = EMPTY } = options;
  const attributes = { NO_DA: noDA, POLICYREAD: authPolicy.length > 0 } as const;
  const nvIndex = givenIndex(tpm, { authValue: SECRET, authPolicy, attributes });
  givenPersistent(tpm, { lockoutAuth: text("lockout") });
  const read = (auth: Auth): string =>
    tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 1, offset: 0 }, [auth]).text;
  const failures = (): number => tpm.tpm.state.nv.persistent.failedTries;
  return { tpm, nvIndex, read, failures };
}

describe("protection from dictionary attack", () => {
  test("counts wrong passwords, then refuses even the right one", () => {
    const { read, failures } = given();
    const outcomes = ["a", "b", "secret", "c", "secret"].map(read);
    expect(outcomes).toEqual([
      "TPM_RC_AUTH_FAIL (session 1)",
      "TPM_RC_AUTH_FAIL (session 1)",
      "TPM_RC_SUCCESS",
      "TPM_RC_AUTH_FAIL (session 1)",
      "TPM_RC_LOCKOUT",
    ]);
    expect(failures()).toBe(MAX_TRIES);
  });

  test("counts a wrong password even if that could not be stored", () => {
    const { tpm, read, failures } = given();
    for (const guess of ["a", "b", "c"]) {
      const before = tpm.tpm.state;
      read(guess);
      tpm.tpm.undo(before);
    }
    expect(failures()).toBe(MAX_TRIES);
    expect(read("secret")).toBe("TPM_RC_LOCKOUT");
    const before = tpm.tpm.state;
    const cleared = tpm.run(DictionaryAttackLockReset, { lockHandle: TPM_RH.LOCKOUT }, ["lockout"]);
    expect(cleared.text).toBe("TPM_RC_SUCCESS");
    tpm.tpm.undo(before);
    expect(failures()).toBe(MAX_TRIES);
  });

  test("counts wrong HMACs", () => {
    const { tpm, read, failures } = given();
    const session = startSession(tpm);
    expect(read(session.knowing(text("guess")))).toBe("TPM_RC_AUTH_FAIL (session 1)");
    expect(failures()).toBe(1);
    expect(read(session.knowing(SECRET))).toBe("TPM_RC_SUCCESS");
    for (let i = 0; i < 2; i++) read(session.knowing(text("guess")));
    expect(read(session.knowing(SECRET))).toBe("TPM_RC_LOCKOUT");
  });

  test.each([
    ["PolicyAuthValue", PolicyAuthValue, false],
    ["PolicyPassword", PolicyPassword, true],
  ])("counts wrong authValues in policy sessions with %s", (_name, command, byPassword) => {
    const { tpm, read, failures } = given({ authPolicy: extended(noPolicy(), TPM_CC.PolicyAuthValue) });
    const session = startPolicy(tpm);
    session.leavesOutAuthValue = false;
    const attempt = (secret: Bytes): string => {
      tpm.run(command, { policySession: session.handle });
      if (byPassword) session.password = secret;
      return read(session.knowing(secret));
    };
    // A failed command leaves the policy as it was, so a second assertion would be one too many.
    const outcomes = [attempt(SECRET)];
    tpm.run(command, { policySession: session.handle });
    for (const guess of [text("a"), text("b"), text("c")]) {
      if (byPassword) session.password = guess;
      outcomes.push(read(session.knowing(guess)));
    }
    if (byPassword) session.password = SECRET;
    outcomes.push(read(session.knowing(SECRET)));
    const failed = "TPM_RC_AUTH_FAIL (session 1)";
    expect(outcomes).toEqual(["TPM_RC_SUCCESS", failed, failed, failed, "TPM_RC_LOCKOUT"]);
    expect(failures()).toBe(MAX_TRIES);
  });

  test("lets a policy without authValue through", () => {
    const { tpm, read } = given({ authPolicy: extended(noPolicy(), TPM_CC.PolicyPhysicalPresence) });
    for (const guess of ["a", "b", "c"]) read(guess);
    tpm.platform.presence = true;
    const session = startPolicy(tpm);
    tpm.run(PolicyPhysicalPresence, { policySession: session.handle });
    expect(read(session)).toBe("TPM_RC_SUCCESS");
  });

  test("does not count where the entity says so, nor for hierarchies", () => {
    const { tpm, read, failures } = given({ noDA: true });
    for (let i = 0; i < 5; i++) expect(read("guess")).toBe("TPM_RC_BAD_AUTH (session 1)");
    givenPersistent(tpm, { ownerAuth: SECRET });
    const { handle: policySession } = startPolicy(tpm);
    const input = { authHandle: TPM_RH.OWNER, policySession, nonceTPM: EMPTY, cpHashA: EMPTY, policyRef: EMPTY };
    for (let i = 0; i < 5; i++) {
      expect(tpm.run(PolicySecret, { ...input, expiration: 0 }, ["guess"]).text).toBe("TPM_RC_BAD_AUTH (session 1)");
    }
    expect(failures()).toBe(0);
    expect(read("secret")).toBe("TPM_RC_SUCCESS");
  });

  test("a session bound to a protected entity is no way round, whatever it is used for", () => {
    const { tpm, nvIndex, read, failures } = given();
    const bound = startSession(tpm, { bind: nvIndex, bindAuth: SECRET, symmetric: AES_128_CFB });
    const wrong = startSession(tpm, { bind: nvIndex, bindAuth: text("guess"), symmetric: AES_128_CFB });
    bound.leavesOutAuthValue = true;
    expect(read(bound)).toBe("TPM_RC_SUCCESS");
    for (const session of [bound, wrong]) session.with({ encrypt: true, continueSession: true });
    const use = (session: typeof bound): string => tpm.run(GetRandom, { bytesRequested: 4 }, [session]).text;
    expect(use(bound)).toBe("TPM_RC_SUCCESS");
    for (let i = 1; i <= MAX_TRIES; i++) {
      expect(use(wrong)).toBe("TPM_RC_AUTH_FAIL (session 1)");
      expect(failures()).toBe(i);
    }
    expect(use(wrong)).toBe("TPM_RC_LOCKOUT");
    expect(use(bound)).toBe("TPM_RC_LOCKOUT");
    bound.with({ continueSession: true });
    expect(read(bound)).toBe("TPM_RC_LOCKOUT");
  });

  test("a wrong lockoutAuth closes itself for its own recovery time", () => {
    const { tpm, failures } = given();
    const reset = (auth: string): string =>
      tpm.run(DictionaryAttackLockReset, { lockHandle: TPM_RH.LOCKOUT }, [auth]).text;
    expect(reset("guess")).toBe("TPM_RC_AUTH_FAIL (session 1)");
    expect(reset("lockout")).toBe("TPM_RC_LOCKOUT");
    expect(failures()).toBe(0);
    tpm.platform.clock += RECOVERY_MS - 1;
    expect(reset("lockout")).toBe("TPM_RC_LOCKOUT");
    tpm.platform.clock += 1;
    expect(reset("lockout")).toBe("TPM_RC_SUCCESS");
  });

  test("lockoutAuth opens the TPM again", () => {
    const { tpm, read } = given();
    for (const guess of ["a", "b", "c"]) read(guess);
    expect(tpm.run(DictionaryAttackLockReset, { lockHandle: TPM_RH.LOCKOUT }, ["lockout"]).text).toBe("TPM_RC_SUCCESS");
    expect(read("secret")).toBe("TPM_RC_SUCCESS");
  });

  test("forgives one failure for each recovery time that passes", () => {
    const { tpm, read, failures } = given();
    for (const guess of ["a", "b", "c"]) read(guess);
    tpm.platform.clock += RECOVERY_MS - 1;
    expect(read("secret")).toBe("TPM_RC_LOCKOUT");
    tpm.platform.clock += 1;
    expect(read("secret")).toBe("TPM_RC_SUCCESS");
    expect(failures()).toBe(2);
    tpm.platform.clock += 5 * RECOVERY_MS;
    read("secret");
    expect(failures()).toBe(0);
  });

  test("a clock that runs backwards forgives nothing", () => {
    const { tpm, read, failures } = given();
    tpm.platform.clock += 10_000;
    for (const guess of ["a", "b", "c"]) read(guess);
    tpm.platform.clock -= 9000;
    expect(read("secret")).toBe("TPM_RC_LOCKOUT");
    tpm.platform.clock = 0;
    expect(read("secret")).toBe("TPM_RC_LOCKOUT");
    expect(failures()).toBe(MAX_TRIES);
  });

  test("powering off and on forgives nothing", () => {
    const { tpm, read, failures } = given();
    for (const guess of ["a", "b", "c"]) read(guess);
    for (const [stop, start] of [
      [undefined, TPM_SU.CLEAR],
      [TPM_SU.CLEAR, TPM_SU.CLEAR],
      [TPM_SU.STATE, TPM_SU.CLEAR],
      [TPM_SU.STATE, TPM_SU.STATE],
    ] as const) {
      if (stop !== undefined) expect(tpm.run(Shutdown, { shutdownType: stop }).rc).toBe(0);
      tpm.powerOn(start);
      expect(read("secret")).toBe("TPM_RC_LOCKOUT");
      expect(failures()).toBe(MAX_TRIES);
    }
  });

  test("a power cut after an authorization was tried counts as a failure, an orderly end does not", () => {
    const { tpm, read, failures } = given();
    tpm.powerOn();
    expect(failures()).toBe(0);
    read("secret");
    tpm.powerOn();
    expect(failures()).toBe(1);
    read("secret");
    tpm.run(Shutdown, { shutdownType: TPM_SU.CLEAR });
    tpm.powerOn();
    expect(failures()).toBe(1);
    for (let i = 0; i < 5; i++) {
      read("secret");
      tpm.powerOn();
    }
    expect(failures()).toBe(MAX_TRIES);
    expect(read("secret")).toBe("TPM_RC_LOCKOUT");
  });

  test("time before an orderly end counts towards recovery, time before a power cut does not", () => {
    const { tpm, read, failures } = given();
    for (const guess of ["a", "b", "c"]) read(guess);
    tpm.platform.clock += RECOVERY_MS - 1000;
    tpm.run(Shutdown, { shutdownType: TPM_SU.CLEAR });
    tpm.powerOn();
    tpm.platform.clock += 1000;
    expect(read("secret")).toBe("TPM_RC_SUCCESS");
    expect(failures()).toBe(2);
    tpm.platform.clock += RECOVERY_MS - 1000;
    tpm.powerOn();
    expect(failures()).toBe(3);
    tpm.platform.clock += RECOVERY_MS - 1;
    expect(read("secret")).toBe("TPM_RC_LOCKOUT");
    tpm.platform.clock += 1;
    expect(read("secret")).toBe("TPM_RC_SUCCESS");
  });

  test("only changes its own counters when a command fails", () => {
    const { tpm, read } = given();
    const { nv, ram } = tpm.tpm.state;
    read("guess");
    const after = tpm.tpm.state;
    const { failedTries, orderlyState, ...rest } = after.nv.persistent;
    expect({ ...rest, failedTries: 0, orderlyState: nv.persistent.orderlyState }).toEqual(nv.persistent);
    expect([failedTries, orderlyState]).toEqual([1, 0xfffe]);
    expect(after.ram.sessions).toBe(ram.sessions);
    expect(after.nv.indices).toBe(nv.indices);
    expect(encode(UINT16, orderlyState)).toEqual(Uint8Array.of(0xff, 0xfe));
  });
});

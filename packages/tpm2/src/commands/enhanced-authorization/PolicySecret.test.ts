import { type Bytes, decode, UINT64 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { givenPersistent, givenPin, pinCountOf } from "../../testing/given.ts";
import { digestOf, extended, noPolicy, updated } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy, startSession, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyAuthValue } from "./PolicyAuthValue.ts";
import { PolicyCpHash } from "./PolicyCpHash.ts";
import { PolicyNameHash } from "./PolicyNameHash.ts";
import { PolicySecret } from "./PolicySecret.ts";

const none = new Uint8Array(0);
const some = hash(TPM_ALG.SHA256, text("some"));
const policyRef = text("what for");
const ownerName = Uint8Array.of(0x40, 0, 0, 1);
const policy = updated(noPolicy(), TPM_CC.PolicySecret, ownerName, none);
const ownerSecret = { authHandle: TPM_RH.OWNER, nonceTPM: none, cpHashA: none, policyRef: none, expiration: 0 };
const NO_TICKET = { tag: TPM_ST.AUTH_SECRET, hierarchy: TPM_RH.NULL, digest: none };

/** An INT32 as the harness sends it. */
const int32 = (value: number): number => (value < 0 ? value + 2 ** 32 : value);

describe("TPM2_PolicySecret", () => {
  test.each([
    ["without policyRef", none],
    ["with policyRef", policyRef],
  ])("hashes the Name of who authorizes, %s", (_name, ref) => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    const answer = tpm.run(PolicySecret, { ...ownerSecret, policySession: session.handle, policyRef: ref });
    expect(answer.out).toEqual({ timeout: none, policyTicket: NO_TICKET });
    expect(digestOf(tpm, session)).toEqual(updated(noPolicy(), TPM_CC.PolicySecret, ownerName, ref));
  });

  test("needs the authValue, by password or by HMAC", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { ownerAuth: text("owner") });
    const { handle: policySession } = startPolicy(tpm);
    const hmac = startSession(tpm);
    const run = (auth: string | typeof hmac) => tpm.run(PolicySecret, { ...ownerSecret, policySession }, [auth]).text;
    expect(run("owner")).toBe("TPM_RC_SUCCESS");
    expect(run("guess")).toBe("TPM_RC_BAD_AUTH (session 1)");
    expect(run(hmac.knowing(text("owner")))).toBe("TPM_RC_SUCCESS");
    expect(run(hmac.knowing(text("guess")))).toBe("TPM_RC_BAD_AUTH (session 1)");
  });

  test("a policy session that authorizes it must have proved the authValue", () => {
    const tpm = TestTpm.started();
    const needed = extended(noPolicy(), TPM_CC.PolicyAuthValue);
    givenPersistent(tpm, { ownerAlg: TPM_ALG.SHA256, ownerPolicy: needed });
    const { handle: policySession } = startPolicy(tpm);
    const session = startPolicy(tpm);
    const run = () => tpm.run(PolicySecret, { ...ownerSecret, policySession }, [session]).text;
    expect(run()).toBe("TPM_RC_MODE (session 1)");
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    expect(run()).toBe("TPM_RC_SUCCESS");
  });

  test("another nonceTPM than the session's", () => {
    const tpm = TestTpm.started();
    const { handle: policySession, nonceTPM } = startPolicy(tpm);
    expect(tpm.run(PolicySecret, { ...ownerSecret, policySession, nonceTPM: some }).text).toBe(
      "TPM_RC_NONCE (parameter 1)",
    );
    expect(tpm.run(PolicySecret, { ...ownerSecret, policySession, nonceTPM }).text).toBe("TPM_RC_SUCCESS");
  });

  test.each<[name: string, expiration: number, own: boolean, at: number, outcome: string]>([
    ["seconds from the session's start", 10, true, 10_000, "TPM_RC_SUCCESS"],
    ["a millisecond more", 10, true, 10_001, "TPM_RC_EXPIRED (parameter 4)"],
    ["seconds of TPM time", 14, false, 10_999, "TPM_RC_SUCCESS"],
    ["a second more", 14, false, 11_000, "TPM_RC_EXPIRED (parameter 4)"],
    ["negative seconds count alike", -10, true, 10_001, "TPM_RC_EXPIRED (parameter 4)"],
    ["the most negative number", -(2 ** 31), true, 10_001, "TPM_RC_SUCCESS"],
  ])("expiration: %s", (_name, expiration, own, at, outcome) => {
    const tpm = TestTpm.started();
    tpm.platform.clock += 4000;
    const { handle: policySession, nonceTPM } = startPolicy(tpm);
    tpm.platform.clock += at;
    const input = { ...ownerSecret, policySession, nonceTPM: own ? nonceTPM : none, expiration: int32(expiration) };
    expect(tpm.run(PolicySecret, input).text).toBe(outcome);
  });

  test("the earliest limit is the policy's", () => {
    const tpm = TestTpm.started();
    const twice = updated(policy, TPM_CC.PolicySecret, ownerName, none);
    const nvIndex = givenProtected(tpm, updated(twice, TPM_CC.PolicySecret, ownerName, none));
    const session = startPolicy(tpm);
    const input = { ...ownerSecret, policySession: session.handle, nonceTPM: session.nonceTPM };
    for (const expiration of [20, 10, 30]) tpm.run(PolicySecret, { ...input, expiration });
    tpm.platform.clock += 10_001;
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_EXPIRED (session 1)");
  });

  test.each([
    ["of another size", (_first: Bytes) => new Uint8Array(20), "TPM_RC_SIZE (parameter 2)"],
    ["that differs from an earlier one", (_first: Bytes) => noPolicy(), "TPM_RC_CPHASH"],
    ["that is the same", (first: Bytes) => first, "TPM_RC_SUCCESS"],
  ])("a cpHash %s", (_name, second, outcome) => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    tpm.run(PolicyCpHash, { policySession, cpHashA: some });
    expect(tpm.run(PolicySecret, { ...ownerSecret, policySession, cpHashA: second(some) }).text).toBe(outcome);
  });

  test("a cpHash ties the policy, and a nameHash stands in its way", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    expect(tpm.run(PolicySecret, { ...ownerSecret, policySession, cpHashA: some }).rc).toBe(0);
    expect(tpm.run(PolicyCpHash, { policySession, cpHashA: noPolicy() }).text).toBe("TPM_RC_CPHASH");
    const second = startPolicy(tpm).handle;
    tpm.run(PolicyNameHash, { policySession: second, nameHash: some });
    const answer = tpm.run(PolicySecret, { ...ownerSecret, policySession: second, cpHashA: noPolicy() });
    expect(answer.text).toBe("TPM_RC_CPHASH");
  });

  test("of several mistakes the first in this order is reported: nonce, expiration, size, cpHash", () => {
    const tpm = TestTpm.started();
    tpm.platform.clock += 5000;
    const { handle: policySession, nonceTPM } = startPolicy(tpm);
    tpm.run(PolicyCpHash, { policySession, cpHashA: some });
    tpm.platform.clock += 5000;
    const wrong = { ...ownerSecret, policySession, nonceTPM: some, expiration: 1, cpHashA: new Uint8Array(1) };
    expect(tpm.run(PolicySecret, wrong).text).toBe("TPM_RC_NONCE (parameter 1)");
    expect(tpm.run(PolicySecret, { ...wrong, nonceTPM }).text).toBe("TPM_RC_EXPIRED (parameter 4)");
    expect(tpm.run(PolicySecret, { ...wrong, nonceTPM, expiration: 0 }).text).toBe("TPM_RC_SIZE (parameter 2)");
    const other = { ...wrong, nonceTPM, expiration: 0, cpHashA: noPolicy() };
    expect(tpm.run(PolicySecret, other).text).toBe("TPM_RC_CPHASH");
  });

  test("checks the authorization, and nothing else, for a trial session", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { ownerAuth: text("owner") });
    tpm.platform.clock += 5000;
    const session = startTrial(tpm);
    const input = {
      ...ownerSecret,
      policySession: session.handle,
      nonceTPM: some,
      expiration: int32(-1),
      cpHashA: noPolicy(),
    };
    expect(tpm.run(PolicySecret, input).text).toBe("TPM_RC_BAD_AUTH (session 1)");
    const answer = tpm.run(PolicySecret, input, ["owner"]);
    expect(answer.out).toEqual({ timeout: none, policyTicket: NO_TICKET });
    expect(digestOf(tpm, session)).toEqual(policy);
  });

  test.each([
    ["of the session", true, 10_000n],
    ["of the TPM, marked as ending with a Reset", false, 10_000n + 2n ** 63n],
  ])("negative expiration: a ticket with a limit in the time %s", (_name, own, expected) => {
    const tpm = TestTpm.started();
    const { handle: policySession, nonceTPM } = startPolicy(tpm);
    const input = { ...ownerSecret, policySession, nonceTPM: own ? nonceTPM : none, expiration: int32(-10) };
    const { timeout, policyTicket } = tpm.run(PolicySecret, input).out;
    expect(decode(UINT64, timeout)).toBe(expected);
    expect(policyTicket).toMatchObject({ tag: TPM_ST.AUTH_SECRET, hierarchy: TPM_RH.OWNER });
    expect(policyTicket.digest).toHaveLength(64);
  });

  test("a PIN Pass Index counts the use and gives no ticket", () => {
    const tpm = TestTpm.started();
    const pin = givenPin(tpm, "PIN_PASS", 0, 2, text("1234"));
    const { handle: policySession } = startPolicy(tpm);
    const input = { ...ownerSecret, authHandle: pin, policySession, expiration: int32(-100) };
    const outcomes = ["1234", "0000", "1234", "1234"].map((auth) => tpm.run(PolicySecret, input, [auth]));
    expect(outcomes.map(({ text }) => text)).toEqual([
      "TPM_RC_SUCCESS",
      "TPM_RC_BAD_AUTH (session 1)",
      "TPM_RC_SUCCESS",
      "TPM_RC_AUTH_UNAVAILABLE",
    ]);
    expect(outcomes[0]?.out).toEqual({ timeout: none, policyTicket: NO_TICKET });
    expect(pinCountOf(tpm, pin)).toBe(2);
  });

  test("a PIN Fail Index counts failures and forgives them after a success", () => {
    const tpm = TestTpm.started();
    const pin = givenPin(tpm, "PIN_FAIL", 0, 3, text("1234"));
    const { handle: policySession } = startPolicy(tpm);
    const input = { ...ownerSecret, authHandle: pin, policySession };
    const counts: number[] = [];
    for (const auth of ["0000", "1111", "1234", "0000", "0000", "0000", "1234"]) {
      tpm.run(PolicySecret, input, [auth]);
      counts.push(pinCountOf(tpm, pin));
    }
    expect(counts).toEqual([1, 2, 0, 1, 2, 3, 3]);
    expect(tpm.run(PolicySecret, input, ["1234"]).text).toBe("TPM_RC_AUTH_UNAVAILABLE");
  });
});

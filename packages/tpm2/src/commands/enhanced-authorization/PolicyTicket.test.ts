import { type Bytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import type { TPMT_TK_AUTH } from "../../spec/structures/index.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { digestOf, noPolicy, updated } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyCpHash } from "./PolicyCpHash.ts";
import { PolicySecret } from "./PolicySecret.ts";
import { PolicyTicket } from "./PolicyTicket.ts";

const some = hash(TPM_ALG.SHA256, text("some"));
const policyRef = text("what for");
const authName = Uint8Array.of(0x40, 0, 0, 1);

/** A TPM that has issued a ticket with the owner's authorization, good for 100 seconds. */
function given(options: { readonly cpHashA?: Bytes; readonly own?: boolean } = {}) {
  const { cpHashA = EMPTY, own = false } = options;
  const tpm = TestTpm.started();
  const { handle: policySession, nonceTPM } = startPolicy(tpm);
  const { timeout, policyTicket } = tpm.run(PolicySecret, {
    authHandle: TPM_RH.OWNER,
    policySession,
    nonceTPM: own ? nonceTPM : EMPTY,
    cpHashA,
    policyRef,
    expiration: 2 ** 32 - 100,
  }).out;
  const ticket: TPMT_TK_AUTH = policyTicket;
  const session = startPolicy(tpm);
  return { tpm, session, input: { policySession: session.handle, timeout, cpHashA, policyRef, authName, ticket } };
}

describe("TPM2_PolicyTicket", () => {
  test.each([
    ["in the time of the TPM", false],
    ["in the time of a session", true],
  ])("stands for the PolicySecret that it was issued by, with a limit %s", (_name, own) => {
    const { tpm, session, input } = given({ own });
    expect(tpm.run(PolicyTicket, input).text).toBe("TPM_RC_SUCCESS");
    expect(digestOf(tpm, session)).toEqual(updated(noPolicy(), TPM_CC.PolicySecret, authName, policyRef));
  });

  test.each<[name: string, change: (input: ReturnType<typeof given>["input"]) => object]>([
    [
      "another time",
      ({ timeout }) => ({ timeout: timeout.map((byte: number, i: number) => (i === 7 ? 255 - byte : byte)) }),
    ],
    [
      "a time that does not end with a Reset",
      ({ timeout }) => ({ timeout: timeout.map((b: number, i: number) => (i === 0 ? 0 : b)) }),
    ],
    ["another purpose", () => ({ policyRef: EMPTY })],
    ["somebody else", () => ({ authName: Uint8Array.of(0x40, 0, 0, 0x0b) })],
    ["one command only", () => ({ cpHashA: some })],
    ["another hierarchy", ({ ticket }) => ({ ticket: { ...ticket, hierarchy: TPM_RH.ENDORSEMENT } })],
    ["a signature", ({ ticket }) => ({ ticket: { ...ticket, tag: TPM_ST.AUTH_SIGNED } })],
    ["nobody", ({ ticket }) => ({ ticket: { ...ticket, digest: EMPTY } })],
  ])("a ticket that is not for %s", (_name, change) => {
    const { tpm, session, input } = given();
    expect(tpm.run(PolicyTicket, { ...input, ...change(input) }).text).toBe("TPM_RC_TICKET (parameter 5)");
    expect(digestOf(tpm, session)).toEqual(noPolicy());
  });

  test("a timeout that this TPM does not issue", () => {
    const { tpm, input } = given();
    for (const timeout of [EMPTY, new Uint8Array(7)]) {
      expect(tpm.run(PolicyTicket, { ...input, timeout }).text).toBe("TPM_RC_SIZE (parameter 1)");
    }
  });

  test("ends in time", () => {
    const { tpm, input } = given();
    tpm.platform.clock += 100_000;
    expect(tpm.run(PolicyTicket, input).text).toBe("TPM_RC_SUCCESS");
    tpm.platform.clock += 1;
    expect(tpm.run(PolicyTicket, input).text).toBe("TPM_RC_EXPIRED (parameter 1)");
  });

  test("does not outlive a Reset of the TPM", () => {
    const { tpm, input } = given();
    tpm.powerOn();
    const { handle: policySession } = startPolicy(tpm);
    expect(tpm.run(PolicyTicket, { ...input, policySession }).text).toBe("TPM_RC_TICKET (parameter 5)");
  });

  test("a cpHash must fit the session and what it is tied to", () => {
    const { tpm, input } = given({ cpHashA: some });
    const sha1 = startPolicy(tpm, { hashAlg: TPM_ALG.SHA1 });
    expect(tpm.run(PolicyTicket, { ...input, policySession: sha1.handle }).text).toBe("TPM_RC_SIZE (parameter 2)");
    expect(tpm.run(PolicyTicket, input).rc).toBe(0);
    expect(tpm.run(PolicyCpHash, { policySession: input.policySession, cpHashA: noPolicy() }).text).toBe(
      "TPM_RC_CPHASH",
    );
    expect(tpm.run(PolicyTicket, { ...input, cpHashA: noPolicy() }).text).toBe("TPM_RC_CPHASH");
  });

  test("is of no use in a trial session", () => {
    const { tpm, input } = given();
    const { handle: policySession } = startTrial(tpm);
    expect(tpm.run(PolicyTicket, { ...input, policySession, timeout: EMPTY }).text).toBe(
      "TPM_RC_ATTRIBUTES (handle 1)",
    );
  });

  test("a ticket for something else is no ticket for a policy", () => {
    const { tpm, input } = given();
    const ticket = { ...input.ticket, tag: TPM_ST.VERIFIED };
    expect(tpm.run(PolicyTicket, { ...input, ticket }).text).toBe("TPM_RC_TAG (parameter 5)");
  });
});

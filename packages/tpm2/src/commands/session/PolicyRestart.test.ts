import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { givenPersistent } from "../../testing/given.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy, startSession, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyAuthValue } from "../enhanced-authorization/PolicyAuthValue.ts";
import { PolicyCommandCode } from "../enhanced-authorization/PolicyCommandCode.ts";
import { PolicyCpHash } from "../enhanced-authorization/PolicyCpHash.ts";
import { PolicyLocality } from "../enhanced-authorization/PolicyLocality.ts";
import { PolicyNvWritten } from "../enhanced-authorization/PolicyNvWritten.ts";
import { PolicyPCR } from "../enhanced-authorization/PolicyPCR.ts";
import { PolicyPhysicalPresence } from "../enhanced-authorization/PolicyPhysicalPresence.ts";
import { PolicySecret } from "../enhanced-authorization/PolicySecret.ts";
import { PolicyRestart } from "./PolicyRestart.ts";

const none = new Uint8Array(0);
const some = hash(TPM_ALG.SHA256, text("some"));
const ownerSecret = { authHandle: TPM_RH.OWNER, cpHashA: none, policyRef: none };

describe("TPM2_PolicyRestart", () => {
  test("forgets everything the session was told", () => {
    const tpm = TestTpm.started();
    const { handle: policySession, nonceTPM } = startPolicy(tpm);
    const [fresh] = [...tpm.tpm.state.ram.sessions.values()];
    tpm.platform.clock += 1000;
    const assertions = [
      tpm.run(PolicyPCR, { policySession, pcrDigest: none, pcrs: [] }),
      tpm.run(PolicyLocality, { policySession, locality: 1 }),
      tpm.run(PolicyCommandCode, { policySession, code: TPM_CC.NV_Read }),
      tpm.run(PolicyPhysicalPresence, { policySession }),
      tpm.run(PolicyCpHash, { policySession, cpHashA: some }),
      tpm.run(PolicyNvWritten, { policySession, writtenSet: 1 }),
      tpm.run(PolicyAuthValue, { policySession }),
      tpm.run(PolicySecret, { ...ownerSecret, policySession, nonceTPM, expiration: 100 }),
    ];
    expect(assertions.map(({ rc }) => rc)).toEqual(assertions.map(() => 0));
    expect(tpm.run(PolicyRestart, { sessionHandle: policySession }).text).toBe("TPM_RC_SUCCESS");
    expect([...tpm.tpm.state.ram.sessions.values()]).toEqual([fresh]);
  });

  test("lets the policy be built again, with the nonce unchanged", () => {
    const tpm = TestTpm.started();
    const policy = extended(noPolicy(), TPM_CC.PolicyPhysicalPresence);
    const nvIndex = givenProtected(tpm, policy);
    const session = startPolicy(tpm);
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    tpm.run(PolicyRestart, { sessionHandle: session.handle });
    tpm.run(PolicyPhysicalPresence, { policySession: session.handle });
    expect(digestOf(tpm, session)).toEqual(policy);
    tpm.platform.presence = true;
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_SUCCESS");
  });

  test("leaves the time at which the session started", () => {
    const tpm = TestTpm.started();
    const { handle: policySession, nonceTPM } = startPolicy(tpm);
    tpm.platform.clock += 5001;
    tpm.run(PolicyRestart, { sessionHandle: policySession });
    const answer = tpm.run(PolicySecret, { ...ownerSecret, policySession, nonceTPM, expiration: 5 });
    expect(answer.text).toBe("TPM_RC_EXPIRED (parameter 4)");
  });

  test("a trial session stays one, and a session bound to a protected entity stays bound", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { lockoutAuth: text("lockout") });
    const bound = startTrial(tpm, { bind: TPM_RH.LOCKOUT, bindAuth: text("lockout") });
    const [before] = [...tpm.tpm.state.ram.sessions.values()];
    tpm.run(PolicyAuthValue, { policySession: bound.handle });
    tpm.run(PolicyRestart, { sessionHandle: bound.handle });
    const [after] = [...tpm.tpm.state.ram.sessions.values()];
    expect(after?.attributes).toBe(before?.attributes);
  });

  test("is not for HMAC sessions", () => {
    const tpm = TestTpm.started();
    const { handle } = startSession(tpm);
    expect(tpm.run(PolicyRestart, { sessionHandle: handle }).text).toBe("TPM_RC_VALUE (handle 1)");
  });
});

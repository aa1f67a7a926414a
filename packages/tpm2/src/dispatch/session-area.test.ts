import { type Bytes, concatBytes, EMPTY, encode, fromHex, UINT16, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { GetCapability } from "../commands/capability/GetCapability.ts";
import { PolicyAuthValue } from "../commands/enhanced-authorization/PolicyAuthValue.ts";
import { HierarchyChangeAuth } from "../commands/hierarchy/HierarchyChangeAuth.ts";
import { NV_Read } from "../commands/non-volatile-storage/NV_Read.ts";
import { NV_ReadPublic } from "../commands/non-volatile-storage/NV_ReadPublic.ts";
import { NV_Write } from "../commands/non-volatile-storage/NV_Write.ts";
import { GetRandom } from "../commands/random-number-generator/GetRandom.ts";
import { StirRandom } from "../commands/random-number-generator/StirRandom.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP, TPM_ST } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { describeRc } from "../spec/tpm-error.ts";
import { text } from "../testing/caller-crypto.ts";
import { givenIndex, givenPersistent } from "../testing/given.ts";
import { AES_128_CFB, startPolicy, startSession, startTrial } from "../testing/start-session.ts";
import { header, rcOf, TestTpm } from "../testing/test-tpm.ts";

const PASSWORD = "40000009 0000 01 0000";
const OWNER = encode(UINT32, TPM_RH.OWNER);
const NO_AUTH = encode(UINT16, 0);

/** TPM2_HierarchyChangeAuth of the owner with this authorization area, size and all. */
const withArea = (area: string): Bytes =>
  header(TPM_ST.SESSIONS, TPM_CC.HierarchyChangeAuth, concatBytes(OWNER, fromHex(area), NO_AUTH));
const answerTo = (tpm: TestTpm, command: Bytes): string => describeRc(rcOf(tpm.send(command)));

describe("the authorization area", () => {
  test.each<[name: string, area: string, outcome: string]>([
    ["a password", `00000009 ${PASSWORD}`, "TPM_RC_SUCCESS"],
    ["a size smaller than any session", "00000008 40000009 0000 01 00", "TPM_RC_SIZE"],
    ["a size of zero", "00000000", "TPM_RC_SIZE"],
    ["a size past the end", `0000000c ${PASSWORD}`, "TPM_RC_SIZE"],
    ["the largest size", `ffffffff ${PASSWORD}`, "TPM_RC_SIZE"],
    ["a handle that is no session", "00000009 40000001 0000 01 0000", "TPM_RC_VALUE (session 1)"],
    ["a session that is not loaded", "00000009 02000000 0000 01 0000", "TPM_RC_REFERENCE_S0"],
    ["a session that cannot be", "00000009 02000040 0000 01 0000", "TPM_RC_VALUE (session 1)"],
    ["a nonce past the end", "00000009 40000009 0100 01 0000", "TPM_RC_SIZE (session 1)"],
    ["a nonce that is not there", "00000009 40000009 0010 01 0000", "TPM_RC_INSUFFICIENT (session 1)"],
    ["reserved attributes", "00000009 40000009 0000 09 0000", "TPM_RC_RESERVED_BITS (session 1)"],
    ["an HMAC that is not there", "00000009 40000009 0000 01 0001", "TPM_RC_INSUFFICIENT (session 1)"],
    ["a password with a nonce", "0000000a 40000009 0001 77 01 0000", "TPM_RC_NONCE (session 1)"],
    ["a password that encrypts", "00000009 40000009 0000 41 0000", "TPM_RC_ATTRIBUTES (session 1)"],
    ["a password that decrypts", "00000009 40000009 0000 21 0000", "TPM_RC_ATTRIBUTES (session 1)"],
    ["a password that audits", "00000009 40000009 0000 81 0000", "TPM_RC_ATTRIBUTES (session 1)"],
    ["a password with auditExclusive", "00000009 40000009 0000 03 0000", "TPM_RC_ATTRIBUTES (session 1)"],
    ["a password with auditReset", "00000009 40000009 0000 05 0000", "TPM_RC_ATTRIBUTES (session 1)"],
    ["a password that shall not continue", "00000009 40000009 0000 00 0000", "TPM_RC_SUCCESS"],
    ["one password too many", `00000012 ${PASSWORD} ${PASSWORD}`, "TPM_RC_HANDLE (session 2)"],
    ["half a second session", `0000000b ${PASSWORD} 4000`, "TPM_RC_INSUFFICIENT (session 2)"],
    ["a second session that is not loaded", `00000012 ${PASSWORD} 02000001 0000 01 0000`, "TPM_RC_REFERENCE_S1"],
    ["four sessions", `00000024 ${PASSWORD} ${PASSWORD} ${PASSWORD} ${PASSWORD}`, "TPM_RC_SIZE (session 4)"],
    ["a wrong password", "0000000a 40000009 0000 01 0001 77", "TPM_RC_BAD_AUTH (session 1)"],
  ])("%s", (_name, area, outcome) => {
    expect(answerTo(TestTpm.started(), withArea(area))).toBe(outcome);
  });

  test("none where a handle must be authorized", () => {
    const command = header(TPM_ST.NO_SESSIONS, TPM_CC.HierarchyChangeAuth, concatBytes(OWNER, NO_AUTH));
    expect(answerTo(TestTpm.started(), command)).toBe("TPM_RC_AUTH_MISSING");
  });

  test("half a size", () => {
    const command = header(TPM_ST.SESSIONS, TPM_CC.HierarchyChangeAuth, concatBytes(OWNER, NO_AUTH));
    expect(answerTo(TestTpm.started(), command)).toBe("TPM_RC_INSUFFICIENT");
  });

  test.each([TPM_CC.ContextSave, TPM_CC.ContextLoad, TPM_CC.FlushContext, TPM_CC.PCR_Reset])(
    "a command with code 0x%i that takes no sessions, or does",
    (code) => {
      const tpm = TestTpm.started();
      const { handle } = startSession(tpm);
      const handles = code === TPM_CC.ContextSave ? encode(UINT32, handle) : EMPTY;
      const body = code === TPM_CC.PCR_Reset ? encode(UINT32, 16) : handles;
      const outcome = answerTo(tpm, header(TPM_ST.SESSIONS, code, concatBytes(body, fromHex(`00000009 ${PASSWORD}`))));
      expect(outcome).toBe(code === TPM_CC.PCR_Reset ? "TPM_RC_SUCCESS" : "TPM_RC_AUTH_CONTEXT");
    },
  );
});

describe("what a session may do", () => {
  const random = { bytesRequested: 8 };

  test("a session that neither authorizes nor encrypts nor audits is refused", () => {
    const tpm = TestTpm.started();
    expect(tpm.run(GetRandom, random, [startSession(tpm)]).text).toBe("TPM_RC_ATTRIBUTES (session 1)");
    expect(tpm.run(GetRandom, random, ["password"]).text).toBe("TPM_RC_HANDLE (session 1)");
  });

  test("a session appears once", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm, { symmetric: AES_128_CFB }).with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, random, [session, session]).text).toBe("TPM_RC_HANDLE (session 2)");
  });

  test("an HMAC session by the handle of a policy session, and the other way round", () => {
    const tpm = TestTpm.started();
    const hmac = startSession(tpm, { symmetric: AES_128_CFB }).with({ encrypt: true, continueSession: true });
    const asPolicy = Object.assign(Object.create(Object.getPrototypeOf(hmac)), hmac);
    expect(tpm.run(GetRandom, random, [hmac]).rc).toBe(0);
    const area = (handle: number) =>
      concatBytes(encode(UINT32, 9), encode(UINT32, handle), Uint8Array.of(0, 0, 0x41, 0, 0));
    const send = (handle: number) =>
      answerTo(tpm, header(TPM_ST.SESSIONS, TPM_CC.GetRandom, concatBytes(area(handle), encode(UINT16, 8))));
    expect(send(asPolicy.handle + 0x0100_0000)).toBe("TPM_RC_HANDLE (session 1)");
    const policy = startPolicy(tpm, { symmetric: AES_128_CFB });
    expect(send(policy.handle - 0x0100_0000)).toBe("TPM_RC_HANDLE (session 1)");
  });

  test("a trial session is never used", () => {
    const tpm = TestTpm.started();
    const trial = startTrial(tpm, { symmetric: AES_128_CFB }).with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, random, [trial]).text).toBe("TPM_RC_ATTRIBUTES (session 1)");
  });

  test("a policy session encrypts, but does not audit", () => {
    const tpm = TestTpm.started();
    const policy = startPolicy(tpm, { symmetric: AES_128_CFB }).with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, random, [policy]).rc).toBe(0);
    policy.with({ audit: true, continueSession: true });
    expect(tpm.run(GetRandom, random, [policy]).text).toBe("TPM_RC_ATTRIBUTES (session 1)");
  });

  test.each([
    ["decrypt", { decrypt: true }, "TPM_RC_SYMMETRIC (session 1)"],
    ["encrypt", { encrypt: true }, "TPM_RC_SYMMETRIC (session 1)"],
  ])("a session without a cipher does not %s", (_name, attributes, outcome) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm);
    const session = startSession(tpm);
    const input = { authHandle: nvIndex, nvIndex, offset: 0 };
    // What the session is not asked for is left clear, so that only the cipher is missing.
    session.attributes = 1;
    const flags = "decrypt" in attributes ? 0x20 : 0x40;
    const area = concatBytes(encode(UINT32, 9), encode(UINT32, session.handle), Uint8Array.of(0, 0, flags, 0, 0));
    const [command, parameters] =
      "decrypt" in attributes
        ? [NV_Write, concatBytes(encode(UINT16, 1), Uint8Array.of(1), encode(UINT16, 0))]
        : [NV_Read, concatBytes(encode(UINT16, 1), encode(UINT16, 0))];
    const handles = concatBytes(encode(UINT32, input.authHandle), encode(UINT32, nvIndex));
    expect(answerTo(tpm, header(TPM_ST.SESSIONS, command.code, concatBytes(handles, area, parameters)))).toBe(outcome);
  });

  test("encrypt is refused where the first response parameter has no size in front", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm, { symmetric: AES_128_CFB }).with({ encrypt: true, continueSession: true });
    const all = { capability: TPM_CAP.ALGS, property: 0, propertyCount: 1 };
    expect(tpm.run(GetCapability, all, [session]).text).toBe("TPM_RC_ATTRIBUTES (session 1)");
    const { handle: policySession } = startPolicy(tpm);
    expect(tpm.run(PolicyAuthValue, { policySession }, [session]).text).toBe("TPM_RC_ATTRIBUTES (session 1)");
  });

  test("decrypt is refused where the first parameter has no size in front", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm);
    const session = startSession(tpm, { symmetric: AES_128_CFB }).with({ decrypt: true, continueSession: true });
    expect(tpm.run(NV_ReadPublic, { nvIndex }, [session]).text).toBe("TPM_RC_ATTRIBUTES (session 1)");
    expect(tpm.run(GetRandom, random, [session]).text).toBe("TPM_RC_ATTRIBUTES (session 1)");
  });

  test("one session decrypts and one encrypts, not two", () => {
    const tpm = TestTpm.started();
    const [first, second] = [
      startSession(tpm, { symmetric: AES_128_CFB }),
      startSession(tpm, { symmetric: AES_128_CFB }),
    ];
    for (const session of [first, second]) session.with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, random, [first, second]).text).toBe("TPM_RC_ATTRIBUTES (session 2)");
    for (const session of [first, second]) session.with({ decrypt: true, continueSession: true });
    expect(tpm.run(StirRandom, { inData: text("x") }, [first, second]).text).toBe("TPM_RC_ATTRIBUTES (session 2)");
    for (const session of [first, second]) session.with({ audit: true, continueSession: true });
    expect(tpm.run(GetRandom, random, [first, second]).text).toBe("TPM_RC_ATTRIBUTES (session 2)");
  });

  test("the sessions are looked at before the authorizations", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { lockoutAuth: text("lockout") });
    const input = { authHandle: TPM_RH.LOCKOUT, newAuth: EMPTY };
    expect(tpm.run(HierarchyChangeAuth, input, ["wrong", "extra"]).text).toBe("TPM_RC_AUTH_FAIL (session 1)");
    const session = startSession(tpm).with({ encrypt: true });
    expect(tpm.run(HierarchyChangeAuth, input, ["wrong", session]).text).toBe("TPM_RC_ATTRIBUTES (session 2)");
  });
});

describe("parameter encryption of parameters that are none", () => {
  const decrypting = (tpm: TestTpm) => {
    const session = startSession(tpm, { symmetric: AES_128_CFB });
    return session.with({ decrypt: true, continueSession: true });
  };

  test.each<[name: string, parameters: Bytes, rc: number]>([
    ["no parameter bytes", EMPTY, 0x99a],
    ["one byte", Uint8Array.of(0), 0x99a],
    ["a size of what is there and two more", concatBytes(encode(UINT16, 6), text("abcd")), 0x995],
    ["a size of what is there and one more", concatBytes(encode(UINT16, 5), text("abcd")), 0x995],
    ["the largest size", concatBytes(encode(UINT16, 0xffff), text("abcd")), 0x995],
    ["all of it", concatBytes(encode(UINT16, 4), text("abcd")), 0],
    ["an empty parameter", encode(UINT16, 0), 0],
    ["an empty parameter and something behind it", concatBytes(encode(UINT16, 0), text("a")), 0x095],
  ])("%s", (_name, parameters, rc) => {
    const tpm = TestTpm.started();
    const session = decrypting(tpm);
    // The harness would encrypt according to the size; here the bytes are sent as they are.
    session.encryptParameter = (bytes) => bytes;
    expect(tpm.runRaw(StirRandom, [], parameters, [session]).rc).toBe(rc);
    expect(tpm.faults).toEqual([]);
  });

  test("is found out only after the HMAC was right", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm, { symmetric: AES_128_CFB, bind: TPM_RH.OWNER });
    session.with({ decrypt: true, continueSession: true });
    session.encryptParameter = (bytes) => bytes;
    session.forgedHmac = new Uint8Array(32);
    expect(tpm.runRaw(StirRandom, [], EMPTY, [session]).text).toBe("TPM_RC_BAD_AUTH (session 1)");
  });

  test("a hash the session does not have is not asked for", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm, { symmetric: AES_128_CFB, hashAlg: TPM_ALG.SHA512, nonceSize: 64 });
    session.with({ encrypt: true, continueSession: true });
    expect(tpm.run(GetRandom, { bytesRequested: 64 }, [session]).out.randomBytes).toHaveLength(64);
  });
});

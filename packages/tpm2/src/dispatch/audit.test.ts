import { type Bytes, concatBytes, EMPTY, encode, UINT16, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { SetCommandCodeAuditStatus } from "../commands/command-audit/SetCommandCodeAuditStatus.ts";
import { HierarchyChangeAuth } from "../commands/hierarchy/HierarchyChangeAuth.ts";
import { GetRandom } from "../commands/random-number-generator/GetRandom.ts";
import { StirRandom } from "../commands/random-number-generator/StirRandom.ts";
import { TPMA_SESSION } from "../spec/attributes.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { hash, text } from "../testing/caller-crypto.ts";
import { AES_128_CFB, startSession } from "../testing/start-session.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const { SHA256, SHA512 } = TPM_ALG;
const AUDIT = { audit: true, continueSession: true } as const;

const stirred = (data: string): Bytes => concatBytes(encode(UINT16, data.length), text(data));
const cpHash = (hashAlg: number, code: number, ...rest: Bytes[]): Bytes => hash(hashAlg, encode(UINT32, code), ...rest);
const rpHash = (hashAlg: number, code: number, parameters: Bytes = EMPTY): Bytes =>
  hash(hashAlg, encode(UINT32, 0), encode(UINT32, code), parameters);

/** The audit digest of TPM2_StirRandom with some data, one after the other. */
const digestOf = (...data: readonly string[]): Bytes =>
  data.reduce<Bytes>(
    (digest, each) =>
      hash(SHA256, digest, cpHash(SHA256, TPM_CC.StirRandom, stirred(each)), rpHash(SHA256, TPM_CC.StirRandom)),
    new Uint8Array(32),
  );

const stir = (tpm: TestTpm, data: string, sessions: readonly ReturnType<typeof startSession>[] = []) =>
  tpm.run(StirRandom, { inData: text(data) }, sessions);
const auditDigest = (tpm: TestTpm, slot = 0): Bytes | undefined => tpm.tpm.state.ram.sessions.get(slot)?.digest;

describe("a session that audits", () => {
  test("gathers commands and responses", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm).with(AUDIT);
    for (const data of ["a", "b", "c"]) expect(stir(tpm, data, [session]).text).toBe("TPM_RC_SUCCESS");
    expect(auditDigest(tpm)).toEqual(digestOf("a", "b", "c"));
  });

  test("starts over with auditReset", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm).with(AUDIT);
    stir(tpm, "a", [session]);
    stir(tpm, "b", [session.with({ ...AUDIT, auditReset: true })]);
    expect(auditDigest(tpm)).toEqual(digestOf("b"));
  });

  test("hashes what went over the wire where parameters are encrypted", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm, { bind: TPM_RH.OWNER, symmetric: AES_128_CFB });
    const sent: Bytes[] = [];
    const send = tpm.send.bind(tpm);
    tpm.send = (command) => {
      sent.push(command);
      return send(command);
    };
    stir(tpm, "secret", [session.with({ ...AUDIT, decrypt: true })]);
    const encrypted = sent[0]?.slice(-8) ?? EMPTY;
    expect(encrypted).not.toEqual(stirred("secret"));
    const expected = concatBytes(cpHash(SHA256, TPM_CC.StirRandom, encrypted), rpHash(SHA256, TPM_CC.StirRandom));
    expect(auditDigest(tpm)).toEqual(hash(SHA256, new Uint8Array(32), expected));
  });

  test("is exclusive until another command is not audited by it", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm).with(AUDIT);
    const isExclusive = (): boolean => TPMA_SESSION.has(session.answeredAttributes, "auditExclusive");
    stir(tpm, "a", [session]);
    expect(isExclusive()).toBe(true);
    stir(tpm, "b", [session.with({ ...AUDIT, auditExclusive: true })]);
    expect(isExclusive()).toBe(true);
    stir(tpm, "c");
    expect(stir(tpm, "d", [session]).text).toBe("TPM_RC_EXCLUSIVE");
    stir(tpm, "e", [session.with(AUDIT)]);
    expect(isExclusive()).toBe(false);
    stir(tpm, "f", [session.with({ ...AUDIT, auditReset: true, auditExclusive: true })]);
    expect(isExclusive()).toBe(true);
  });

  test("takes exclusiveness from another", () => {
    const tpm = TestTpm.started();
    const [first, second] = [startSession(tpm).with(AUDIT), startSession(tpm).with(AUDIT)];
    stir(tpm, "a", [first]);
    stir(tpm, "b", [second]);
    first.with({ ...AUDIT, auditExclusive: true });
    expect(stir(tpm, "c", [first]).text).toBe("TPM_RC_EXCLUSIVE");
    second.with({ ...AUDIT, auditExclusive: true });
    expect(stir(tpm, "d", [second]).text).toBe("TPM_RC_SUCCESS");
  });

  test("keeps its digest when a command fails", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm).with(AUDIT);
    stir(tpm, "a", [session]);
    const answer = tpm.runRaw(GetRandom, [], Uint8Array.of(0), [session]);
    expect(answer.text).toBe("TPM_RC_INSUFFICIENT (parameter 1)");
    expect(auditDigest(tpm)).toEqual(digestOf("a"));
  });
});

describe("command audit", () => {
  /** Has one more command audited. */
  const audit = (tpm: TestTpm, setList: readonly number[]) =>
    tpm.run(SetCommandCodeAuditStatus, { auth: TPM_RH.OWNER, auditAlg: TPM_ALG.NULL, setList, clearList: [] });

  test("gathers the commands that were chosen, with the algorithm that was chosen", () => {
    const tpm = TestTpm.started();
    expect(audit(tpm, [TPM_CC.StirRandom]).text).toBe("TPM_RC_SUCCESS");
    const { commandAuditDigest: start } = tpm.tpm.state.ram.stateReset;
    const { auditCounter } = tpm.tpm.state.nv.persistent;
    tpm.run(GetRandom, { bytesRequested: 4 });
    expect(tpm.tpm.state.ram.stateReset.commandAuditDigest).toEqual(start);
    stir(tpm, "a");
    const parts = [cpHash(SHA512, TPM_CC.StirRandom, stirred("a")), rpHash(SHA512, TPM_CC.StirRandom)];
    const old = start.length === 0 ? new Uint8Array(64) : start;
    expect(tpm.tpm.state.ram.stateReset.commandAuditDigest).toEqual(hash(SHA512, old, ...parts));
    expect(tpm.tpm.state.nv.persistent.auditCounter).toBe(start.length === 0 ? auditCounter + 1n : auditCounter);
  });

  test("hashes the Names that the handles had when the command was sent", () => {
    const tpm = TestTpm.started();
    audit(tpm, [TPM_CC.HierarchyChangeAuth]);
    const start = tpm.tpm.state.ram.stateReset.commandAuditDigest;
    tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: text("x") });
    const name = encode(UINT32, TPM_RH.OWNER);
    const parts = [
      cpHash(SHA512, TPM_CC.HierarchyChangeAuth, name, stirred("x")),
      rpHash(SHA512, TPM_CC.HierarchyChangeAuth),
    ];
    const old = start.length === 0 ? new Uint8Array(64) : start;
    expect(tpm.tpm.state.ram.stateReset.commandAuditDigest).toEqual(hash(SHA512, old, ...parts));
  });

  test("forgets refused commands", () => {
    const tpm = TestTpm.started();
    audit(tpm, [TPM_CC.StirRandom]);
    const before = tpm.tpm.state;
    expect(tpm.runRaw(StirRandom, [], Uint8Array.of(9, 9)).rc).not.toBe(0);
    expect(tpm.tpm.state.ram.stateReset).toBe(before.ram.stateReset);
  });
});

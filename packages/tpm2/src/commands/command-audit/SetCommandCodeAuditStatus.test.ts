import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { GetRandom } from "../random-number-generator/GetRandom.ts";
import { SetCommandCodeAuditStatus } from "./SetCommandCodeAuditStatus.ts";

const { SHA256, SHA512, NULL } = TPM_ALG;
const own = TPM_CC.SetCommandCodeAuditStatus;
const auth = TPM_RH.OWNER;
const u32 = (value: number): Uint8Array => Uint8Array.of(0, 0, Math.floor(value / 256), value % 256);
function set(tpm: TestTpm, auditAlg: number, setList: readonly number[], clearList: readonly number[] = []): string {
  return tpm.run(SetCommandCodeAuditStatus, { auth, auditAlg, setList, clearList }).text;
}
const audited = ({ tpm }: TestTpm): readonly number[] => tpm.state.nv.persistent.auditCommands;
const digest = ({ tpm }: TestTpm): Uint8Array => tpm.state.ram.stateReset.commandAuditDigest;
const counter = ({ tpm }: TestTpm): bigint => tpm.state.nv.persistent.auditCounter;

describe("TPM2_SetCommandCodeAuditStatus", () => {
  test.each([
    ["adds commands", [TPM_CC.GetRandom, TPM_CC.Clear], [], [TPM_CC.Clear, own, TPM_CC.GetRandom]],
    ["removes what it has just added", [TPM_CC.GetRandom], [TPM_CC.GetRandom], [own]],
    ["never adds Shutdown, nor what the TPM does not have", [TPM_CC.Shutdown, 0x999, 0x2000_0000], [], [own]],
    ["never removes itself", [], [own], [own]],
  ])("%s", (_name, setList, clearList, after) => {
    for (const auditAlg of [NULL, SHA512]) {
      const tpm = TestTpm.started();
      expect(set(tpm, auditAlg, setList, clearList)).toBe("TPM_RC_SUCCESS");
      expect(audited(tpm)).toEqual(after);
    }
  });

  test("exchanges the algorithm, which begins a new digest without the command itself", () => {
    const tpm = TestTpm.started();
    set(tpm, NULL, [TPM_CC.GetRandom]);
    expect([digest(tpm).length, counter(tpm)]).toEqual([64, 1n]);
    expect(set(tpm, SHA256, [])).toBe("TPM_RC_SUCCESS");
    expect([digest(tpm).length, counter(tpm)]).toEqual([0, 1n]);
    const { out } = tpm.run(GetRandom, { bytesRequested: 4 });
    const cpHash = hash(SHA256, u32(TPM_CC.GetRandom), Uint8Array.of(0, 4));
    const rpHash = hash(SHA256, u32(0), u32(TPM_CC.GetRandom), Uint8Array.of(0, 4), out.randomBytes);
    expect(digest(tpm)).toEqual(hash(SHA256, new Uint8Array(32), cpHash, rpHash));
    expect(counter(tpm)).toBe(2n);
    tpm.run(GetRandom, { bytesRequested: 4 });
    expect(counter(tpm)).toBe(2n);
  });

  test("keeps the digest over a command that is not audited, and forgets it with a reset", () => {
    const tpm = TestTpm.started();
    set(tpm, NULL, []);
    const before = digest(tpm);
    tpm.run(GetRandom, { bytesRequested: 4 });
    expect(digest(tpm)).toBe(before);
    tpm.powerOn();
    expect(digest(tpm)).toHaveLength(0);
  });

  test.each([
    ["a new algorithm and commands to add", SHA256, [TPM_CC.GetRandom], [], "TPM_RC_VALUE (parameter 1)"],
    ["a new algorithm and commands to remove", SHA256, [], [TPM_CC.GetRandom], "TPM_RC_VALUE (parameter 1)"],
    ["a hash that the TPM lacks", TPM_ALG.SM3_256, [], [], "TPM_RC_HASH (parameter 1)"],
  ])("refuses %s", (_name, auditAlg, setList, clearList, text) => {
    const tpm = TestTpm.started();
    expect(set(tpm, auditAlg, setList, clearList)).toBe(text);
    expect([audited(tpm), counter(tpm)]).toEqual([[own], 0n]);
  });
});

import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { ORDERLY } from "../../state/data.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { PCR_Event } from "./PCR_Event.ts";
import { PCR_Extend } from "./PCR_Extend.ts";

const { SHA1, SHA256, SHA384, SHA512 } = TPM_ALG;
const BANKS = [SHA1, SHA256, SHA384, SHA512] as const;
const digest = new Uint8Array(32).fill(0xab);
const digests = [{ hashAlg: SHA256, digest }];
const pcrOf = ({ tpm }: TestTpm, pcr: number, bank: number = SHA256): Uint8Array | undefined =>
  tpm.state.ram.pcrs.get(bank)?.[pcr];
const counter = ({ tpm }: TestTpm): number => tpm.state.ram.stateReset.pcrCounter;

describe("TPM2_PCR_Extend", () => {
  test("extends the PCR of the given banks only", () => {
    const tpm = TestTpm.started();
    const before = counter(tpm);
    const sha1 = { hashAlg: SHA1, digest: new Uint8Array(20).fill(1) };
    expect(tpm.run(PCR_Extend, { pcrHandle: 3, digests: [...digests, sha1] }).text).toBe("TPM_RC_SUCCESS");
    expect(pcrOf(tpm, 3)).toEqual(hash(SHA256, new Uint8Array(32), digest));
    expect(pcrOf(tpm, 3, SHA1)).toEqual(hash(SHA1, new Uint8Array(20), sha1.digest));
    expect(pcrOf(tpm, 3, SHA384)).toEqual(new Uint8Array(48));
    expect(counter(tpm)).toBe(before + 2);
  });

  test("takes a bank twice, and no handle at all", () => {
    const tpm = TestTpm.started();
    expect(tpm.run(PCR_Extend, { pcrHandle: 3, digests: [...digests, ...digests] }).rc).toBe(0);
    expect(pcrOf(tpm, 3)).toEqual(hash(SHA256, hash(SHA256, new Uint8Array(32), digest), digest));
    expect(tpm.run(PCR_Extend, { pcrHandle: TPM_RH.NULL, digests }).rc).toBe(0);
  });

  test("of a PCR that does not count leaves the update counter and a Shutdown alone", () => {
    const tpm = TestTpm.started();
    const before = counter(tpm);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    expect(tpm.run(PCR_Extend, { pcrHandle: 16, digests }).rc).toBe(0);
    expect(counter(tpm)).toBe(before);
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(TPM_SU.STATE);
    expect(tpm.run(PCR_Extend, { pcrHandle: 0, digests }).rc).toBe(0);
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(ORDERLY.NONE);
  });

  // The localities that may extend, of PCRs of each kind.
  test.each([
    [0, [0, 1, 2, 3, 4]],
    [15, [0, 1, 2, 3, 4]],
    [16, [0, 1, 2, 3, 4]],
    [17, [2, 3, 4]],
    [18, [2, 3, 4]],
    [19, [2, 3]],
    [20, [1, 2, 3]],
    [21, [2]],
    [22, [2]],
    [23, [0, 1, 2, 3, 4]],
  ])("allows PCR %d from localities %j", (pcrHandle, localities) => {
    const tpm = TestTpm.started();
    for (const locality of [0, 1, 2, 3, 4, 32, 255]) {
      tpm.locality = locality;
      const text = localities.includes(locality) ? "TPM_RC_SUCCESS" : "TPM_RC_LOCALITY";
      expect([locality, tpm.run(PCR_Extend, { pcrHandle, digests }).text]).toEqual([locality, text]);
      const event = { pcrHandle, eventData: new Uint8Array(1) };
      expect([locality, tpm.run(PCR_Event, event).text]).toEqual([locality, text]);
    }
  });

  test("refuses a handle that is no PCR", () => {
    expect(TestTpm.started().run(PCR_Extend, { pcrHandle: 24, digests }).text).toBe("TPM_RC_VALUE (handle 1)");
  });
});

describe("TPM2_PCR_Event", () => {
  const eventData = Uint8Array.of(1, 2, 3);

  test("extends all banks with the digest of the event, and tells these", () => {
    const tpm = TestTpm.started();
    const answer = tpm.run(PCR_Event, { pcrHandle: 5, eventData });
    expect(answer.out.digests).toEqual(BANKS.map((hashAlg) => ({ hashAlg, digest: hash(hashAlg, eventData) })));
    for (const bank of BANKS) {
      const zero = new Uint8Array(hash(bank).length);
      expect(pcrOf(tpm, 5, bank)).toEqual(hash(bank, zero, hash(bank, eventData)));
    }
  });

  test("without a PCR only hashes", () => {
    const tpm = TestTpm.started();
    const before = tpm.tpm.state.ram.pcrs;
    expect(tpm.run(PCR_Event, { pcrHandle: TPM_RH.NULL, eventData }).out.digests).toHaveLength(4);
    expect(tpm.tpm.state.ram.pcrs).toBe(before);
  });
});

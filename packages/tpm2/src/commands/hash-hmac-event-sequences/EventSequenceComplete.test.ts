import { type Bytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { text as bytesOf, hash } from "../../testing/caller-crypto.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { EventSequenceComplete } from "./EventSequenceComplete.ts";
import { HashSequenceStart } from "./HashSequenceStart.ts";
import { SequenceUpdate } from "./SequenceUpdate.ts";

const ALGORITHMS = [TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384, TPM_ALG.SHA512];

function started(locality = 0): { tpm: TestTpm; sequenceHandle: number } {
  const tpm = TestTpm.started();
  tpm.locality = locality;
  const { sequenceHandle } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.NULL }).out;
  return { tpm, sequenceHandle };
}

const pcrOf = ({ tpm }: TestTpm, hashAlg: number, pcr: number): Bytes | undefined =>
  tpm.state.ram.pcrs.get(hashAlg)?.[pcr];

describe("TPM2_EventSequenceComplete", () => {
  test("extends the PCR in every bank with the digest of all data", () => {
    const { tpm, sequenceHandle } = started();
    tpm.run(SequenceUpdate, { sequenceHandle, buffer: bytesOf("a") });
    const { out } = tpm.run(EventSequenceComplete, { pcrHandle: 9, sequenceHandle, buffer: bytesOf("bc") });
    expect(out.results).toEqual(ALGORITHMS.map((hashAlg) => ({ hashAlg, digest: hash(hashAlg, bytesOf("abc")) })));
    for (const { hash: hashAlg } of tpm.tpm.state.ram.pcrAllocated) {
      const zero = new Uint8Array(hash(hashAlg).length);
      expect(pcrOf(tpm, hashAlg, 9)).toEqual(hash(hashAlg, zero, hash(hashAlg, bytesOf("abc"))));
    }
    expect(tpm.tpm.state.ram.objects.size).toBe(0);
  });

  test("without a PCR only hashes", () => {
    const { tpm, sequenceHandle } = started();
    const before = tpm.tpm.state.ram.pcrs;
    const answer = tpm.run(EventSequenceComplete, { pcrHandle: TPM_RH.NULL, sequenceHandle, buffer: bytesOf("abc") });
    expect(answer.out.results.length).toBe(4);
    expect(tpm.tpm.state.ram.pcrs).toBe(before);
  });

  test("refuses a PCR that the locality may not extend, and keeps the sequence", () => {
    const { tpm, sequenceHandle } = started(0);
    const input = { pcrHandle: 17, sequenceHandle, buffer: EMPTY };
    expect(tpm.run(EventSequenceComplete, input).text).toBe("TPM_RC_LOCALITY");
    tpm.locality = 3;
    expect(tpm.run(EventSequenceComplete, input).text).toBe("TPM_RC_SUCCESS");
  });

  test("takes back an orderly shutdown, if the PCR was saved with it", () => {
    const { tpm, sequenceHandle } = started();
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(TPM_SU.STATE);
    tpm.run(EventSequenceComplete, { pcrHandle: 9, sequenceHandle, buffer: EMPTY });
    expect(tpm.tpm.state.nv.persistent.orderlyState).not.toBe(TPM_SU.STATE);
  });
});

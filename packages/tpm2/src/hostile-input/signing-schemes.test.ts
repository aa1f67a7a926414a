import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { Certify } from "../commands/attestation/Certify.ts";
import { CertifyCreation } from "../commands/attestation/CertifyCreation.ts";
import { GetSessionAuditDigest } from "../commands/attestation/GetSessionAuditDigest.ts";
import { GetTime } from "../commands/attestation/GetTime.ts";
import { Quote } from "../commands/attestation/Quote.ts";
import { GetCommandAuditDigest } from "../commands/command-audit/GetCommandAuditDigest.ts";
import { NV_Certify } from "../commands/non-volatile-storage/NV_Certify.ts";
import { GetRandom } from "../commands/random-number-generator/GetRandom.ts";
import type { Command } from "../dispatch/command.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPMT_SIG_SCHEME_NULLABLE } from "../spec/structures/index.ts";
import { createKey, keyedHashTemplate } from "../testing/create-key.ts";
import { givenIndex } from "../testing/given.ts";
import { startSession } from "../testing/start-session.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const details = { hashAlg: TPM_ALG.SHA256 } as const;

/** Schemes that a keyed hash cannot sign with. */
const SCHEMES: readonly (readonly [string, TPMT_SIG_SCHEME_NULLABLE])[] = [
  ["RSASSA", { scheme: TPM_ALG.RSASSA, details }],
  ["RSAPSS", { scheme: TPM_ALG.RSAPSS, details }],
  ["ECDSA", { scheme: TPM_ALG.ECDSA, details }],
  ["ECDAA", { scheme: TPM_ALG.ECDAA, details: { ...details, count: 0 } }],
  ["SM2", { scheme: TPM_ALG.SM2, details }],
  ["ECSCHNORR", { scheme: TPM_ALG.ECSCHNORR, details }],
];

const COMMANDS: readonly (readonly [string, Command])[] = [
  ["TPM2_Certify", Certify],
  ["TPM2_CertifyCreation", CertifyCreation],
  ["TPM2_Quote", Quote],
  ["TPM2_GetSessionAuditDigest", GetSessionAuditDigest],
  ["TPM2_GetCommandAuditDigest", GetCommandAuditDigest],
  ["TPM2_GetTime", GetTime],
  ["TPM2_NV_Certify", NV_Certify],
];

function prepared() {
  const tpm = TestTpm.started();
  const signer = createKey(tpm, keyedHashTemplate({ sign: true, decrypt: true }));
  const nvIndex = givenIndex(tpm);
  const session = startSession(tpm).with({ audit: true, continueSession: true });
  expect(tpm.run(GetRandom, { bytesRequested: 1 }, [session]).rc).toBe(0);
  const inputs = {
    objectHandle: signer.handle,
    creationHash: signer.creationHash,
    creationTicket: signer.creationTicket,
    PCRselect: [],
    privacyAdminHandle: TPM_RH.ENDORSEMENT,
    privacyHandle: TPM_RH.ENDORSEMENT,
    sessionHandle: session.handle,
    authHandle: nvIndex,
    nvIndex,
    size: 4,
    offset: 0,
    qualifyingData: EMPTY,
    signHandle: signer.handle,
  };
  return { tpm, inputs };
}

describe.each(COMMANDS)("%s with a keyed hash without scheme", (_name, command) => {
  const position = command.parameters.findIndex(([name]) => name === "inScheme") + 1;

  test.each(SCHEMES)("refuses %s", (_scheme, inScheme) => {
    const { tpm, inputs } = prepared();
    expect(tpm.run(command, { ...inputs, inScheme }).text).toBe(`TPM_RC_SCHEME (parameter ${position})`);
    expect(tpm.faults).toEqual([]);
  });

  test("signs with HMAC", () => {
    const { tpm, inputs } = prepared();
    const inScheme = { scheme: TPM_ALG.HMAC, details };
    expect(tpm.run(command, { ...inputs, inScheme }).text).toBe("TPM_RC_SUCCESS");
  });
});

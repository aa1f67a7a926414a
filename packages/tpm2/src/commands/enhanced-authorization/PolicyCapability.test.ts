import { type Bytes, concatBytes, encode, fromHex, UINT16, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP, TPM_ECC_CURVE, TPM_EO } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_PT, TPM_PT_PCR } from "../../spec/properties.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { givenHmacKey, givenIndex, givenPersistent } from "../../testing/given.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyCapability } from "./PolicyCapability.ts";

const none = new Uint8Array(0);

function policyOf(operandB: Bytes, offset: number, operation: number, capability: number, property: number): Bytes {
  const what = [
    encode(UINT16, offset),
    encode(UINT16, operation),
    encode(UINT32, capability),
    encode(UINT32, property),
  ];
  return extended(noPolicy(), TPM_CC.PolicyCapability, hash(TPM_ALG.SHA256, operandB, ...what));
}

/** A TPM with one of each kind of thing that has a handle. */
function given(): TestTpm {
  const tpm = TestTpm.started();
  givenHmacKey(tpm, text("key"));
  givenIndex(tpm, { nvIndex: 0x0180_0001 });
  givenPersistent(tpm, { ownerAlg: TPM_ALG.SHA1, ownerPolicy: new Uint8Array(20).fill(7) });
  return tpm;
}

describe("TPM2_PolicyCapability", () => {
  test.each<[name: string, capability: number, property: number, value: string | undefined]>([
    ["an algorithm", TPM_CAP.ALGS, TPM_ALG.SHA256, "000b 00000004"],
    ["an algorithm, whatever is above its 16 bits", TPM_CAP.ALGS, 0x1234_000b, "000b 00000004"],
    ["an algorithm the TPM lacks", TPM_CAP.ALGS, TPM_ALG.SM3_256, undefined],
    ["a PCR", TPM_CAP.HANDLES, 23, "00000017"],
    ["a PCR too many", TPM_CAP.HANDLES, 24, undefined],
    ["an Index", TPM_CAP.HANDLES, 0x0180_0001, "01800001"],
    ["an Index that is not defined", TPM_CAP.HANDLES, 0x0180_0002, undefined],
    ["an object", TPM_CAP.HANDLES, 0x8000_0000, "80000000"],
    ["no object from this handle on", TPM_CAP.HANDLES, 0x8000_0001, undefined],
    ["no persistent object", TPM_CAP.HANDLES, 0x8100_0000, undefined],
    ["the session itself, as HMAC session", TPM_CAP.HANDLES, 0x0200_0000, "02000000"],
    ["the session itself", TPM_CAP.HANDLES, 0x0300_0000, "03000000"],
    ["no session", TPM_CAP.HANDLES, 0x0300_0001, undefined],
    ["no session that could ever be", TPM_CAP.HANDLES, 0x0300_0040, undefined],
    ["a hierarchy", TPM_CAP.HANDLES, TPM_RH.OWNER, "40000001"],
    ["no permanent handle", TPM_CAP.HANDLES, TPM_RH.ADMIN, undefined],
    ["a command", TPM_CAP.COMMANDS, TPM_CC.PolicyCapability, "0200019b"],
    ["a command the TPM lacks", TPM_CAP.COMMANDS, TPM_CC.AC_Send, undefined],
    ["a command that needs presence", TPM_CAP.PP_COMMANDS, TPM_CC.PP_Commands, "0000012d"],
    ["one that does not", TPM_CAP.PP_COMMANDS, TPM_CC.Clear, undefined],
    ["a command that is audited", TPM_CAP.AUDIT_COMMANDS, TPM_CC.SetCommandCodeAuditStatus, "00000140"],
    ["one that is not", TPM_CAP.AUDIT_COMMANDS, TPM_CC.Clear, undefined],
    ["a property of PCRs", TPM_CAP.PCR_PROPERTIES, TPM_PT_PCR.SAVE, "00000000 03 ffff00"],
    ["no property of PCRs", TPM_CAP.PCR_PROPERTIES, 0x77, undefined],
    ["a fixed property", TPM_CAP.TPM_PROPERTIES, TPM_PT.PCR_COUNT, "00000112 00000018"],
    ["a variable property", TPM_CAP.TPM_PROPERTIES, TPM_PT.HR_LOADED, "00000203 00000001"],
    ["no property", TPM_CAP.TPM_PROPERTIES, 0x1fe, undefined],
    ["a property of no group", TPM_CAP.TPM_PROPERTIES, 0, undefined],
    ["a curve", TPM_CAP.ECC_CURVES, TPM_ECC_CURVE.NIST_P256, "0003"],
    ["a curve the TPM lacks", TPM_CAP.ECC_CURVES, TPM_ECC_CURVE.CURVE_25519, undefined],
    ["a policy", TPM_CAP.AUTH_POLICIES, TPM_RH.OWNER, `40000001 0004 ${"07".repeat(20)}`],
    ["an empty policy", TPM_CAP.AUTH_POLICIES, TPM_RH.LOCKOUT, "4000000a 0010"],
    ["a handle without policy", TPM_CAP.AUTH_POLICIES, TPM_RH.NULL, undefined],
  ])("compares %s", (_name, capability, property, value) => {
    const tpm = given();
    const session = startPolicy(tpm);
    const operandB = fromHex(value ?? "00");
    const input = { policySession: session.handle, offset: 0, capability, property };
    const run = (operation: number, operand: Bytes) =>
      tpm.run(PolicyCapability, { ...input, operation, operandB: operand }).text;
    if (value === undefined) {
      expect(run(TPM_EO.EQ, operandB)).toBe("TPM_RC_POLICY");
      expect(run(TPM_EO.NEQ, operandB)).toBe("TPM_RC_SUCCESS");
      expect(digestOf(tpm, session)).toEqual(policyOf(operandB, 0, TPM_EO.NEQ, capability, property));
    } else {
      expect(run(TPM_EO.NEQ, operandB)).toBe("TPM_RC_POLICY");
      expect(run(TPM_EO.EQ, concatBytes(operandB, Uint8Array.of(0)))).toBe("TPM_RC_SIZE (parameter 1)");
      expect(run(TPM_EO.EQ, operandB)).toBe("TPM_RC_SUCCESS");
      expect(digestOf(tpm, session)).toEqual(policyOf(operandB, 0, TPM_EO.EQ, capability, property));
    }
  });

  test.each<[name: string, capability: number, property: number, offset: number, outcome: string]>([
    ["a list that has no single properties", TPM_CAP.PCRS, 0, 0, "TPM_RC_VALUE (parameter 4)"],
    ["authenticated countdown timers", TPM_CAP.ACT, TPM_RH.ACT_0, 0, "TPM_RC_VALUE (parameter 4)"],
    ["vendor properties", TPM_CAP.VENDOR_PROPERTY, 0, 0, "TPM_RC_VALUE (parameter 4)"],
    ["no capability", 0x77, 0, 0, "TPM_RC_VALUE (parameter 4)"],
    ["a handle of no type", TPM_CAP.HANDLES, 0x9000_0000, 0, "TPM_RC_HANDLE (parameter 5)"],
    [
      "a policy of something that is not permanent",
      TPM_CAP.AUTH_POLICIES,
      0x0180_0001,
      0,
      "TPM_RC_VALUE (parameter 5)",
    ],
    ["an offset behind the end", TPM_CAP.ECC_CURVES, TPM_ECC_CURVE.NIST_P256, 3, "TPM_RC_VALUE (parameter 2)"],
    ["an offset at the end", TPM_CAP.ECC_CURVES, TPM_ECC_CURVE.NIST_P256, 2, "TPM_RC_SUCCESS"],
    ["an offset where there is nothing", TPM_CAP.ECC_CURVES, 0x77, 99, "TPM_RC_POLICY"],
  ])("%s", (_name, capability, property, offset, outcome) => {
    const tpm = given();
    const { handle: policySession } = startPolicy(tpm);
    const input = { policySession, operandB: none, offset, operation: TPM_EO.EQ, capability, property };
    expect(tpm.run(PolicyCapability, input).text).toBe(outcome);
  });

  test("looks at nothing in a trial session", () => {
    const tpm = given();
    const session = startTrial(tpm);
    const input = { operandB: text("x"), offset: 99, operation: TPM_EO.EQ, capability: TPM_CAP.PCRS, property: 7 };
    expect(tpm.run(PolicyCapability, { ...input, policySession: session.handle }).text).toBe("TPM_RC_SUCCESS");
    expect(digestOf(tpm, session)).toEqual(policyOf(text("x"), 99, TPM_EO.EQ, TPM_CAP.PCRS, 7));
  });
});

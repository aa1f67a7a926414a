import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { text } from "../../testing/caller-crypto.ts";
import { DERIVATION_PARENT, ECC_SIGNING, HMAC_KEY, primary, SEALED } from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HashSequenceStart } from "../hash-hmac-event-sequences/HashSequenceStart.ts";
import { Unseal } from "./Unseal.ts";

describe("TPM2_Unseal", () => {
  test("gives the data to whoever has the authValue", () => {
    const tpm = TestTpm.started();
    const options = { data: text("sealed"), userAuth: text("auth") };
    const { objectHandle: itemHandle } = primary(tpm, SEALED, TPM_RH.OWNER, options);
    expect(tpm.run(Unseal, { itemHandle }, ["auth"]).out.outData).toEqual(text("sealed"));
    expect(tpm.run(Unseal, { itemHandle }, ["other"]).text).toBe("TPM_RC_AUTH_FAIL (session 1)");
  });

  test.each([
    ["an asymmetric key", ECC_SIGNING, "TPM_RC_TYPE (handle 1)"],
    ["an HMAC key", HMAC_KEY, "TPM_RC_ATTRIBUTES (handle 1)"],
    ["a derivation parent", DERIVATION_PARENT, "TPM_RC_ATTRIBUTES (handle 1)"],
  ])("refuses %s", (_name, template, outcome) => {
    const tpm = TestTpm.started();
    const { objectHandle: itemHandle } = primary(tpm, template);
    expect(tpm.run(Unseal, { itemHandle }).text).toBe(outcome);
  });

  test("refuses a sequence", () => {
    const tpm = TestTpm.started();
    const { out } = tpm.run(HashSequenceStart, { auth: EMPTY, hashAlg: TPM_ALG.SHA256 });
    expect(tpm.run(Unseal, { itemHandle: out.sequenceHandle }).text).toBe("TPM_RC_TYPE (handle 1)");
  });
});

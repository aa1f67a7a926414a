import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { ChangePPS } from "../hierarchy/ChangePPS.ts";
import { PP_Commands } from "./PP_Commands.ts";
import { SetAlgorithmSet } from "./SetAlgorithmSet.ts";

const auth = TPM_RH.PLATFORM;
const list = ({ tpm }: TestTpm): readonly number[] => tpm.state.nv.persistent.ppList;

describe("TPM2_PP_Commands", () => {
  test("itself needs somebody at the machine", () => {
    const tpm = TestTpm.started();
    expect(tpm.run(PP_Commands, { auth, setList: [], clearList: [] }).text).toBe("TPM_RC_PP (session 1)");
  });

  test("sets and clears commands for which that can be, and passes over all others", () => {
    const tpm = TestTpm.started();
    tpm.platform.presence = true;
    const set = [TPM_CC.ChangePPS, TPM_CC.GetRandom, TPM_CC.PP_Commands, 0x2000_0001, TPM_CC.Clear, TPM_CC.NV_Read];
    expect(tpm.run(PP_Commands, { auth, setList: set, clearList: [] }).text).toBe("TPM_RC_SUCCESS");
    expect(list(tpm)).toEqual([TPM_CC.ChangePPS, TPM_CC.Clear, TPM_CC.PP_Commands]);
    const clearList = [TPM_CC.Clear, TPM_CC.PP_Commands, TPM_CC.GetRandom];
    expect(tpm.run(PP_Commands, { auth, setList: [], clearList }).text).toBe("TPM_RC_SUCCESS");
    expect(list(tpm)).toEqual([TPM_CC.ChangePPS, TPM_CC.PP_Commands]);
    tpm.platform.presence = false;
    expect(tpm.run(ChangePPS, { authHandle: auth }).text).toBe("TPM_RC_PP (session 1)");
    tpm.platform.presence = true;
    expect(tpm.run(ChangePPS, { authHandle: auth }).text).toBe("TPM_RC_SUCCESS");
  });

  test("clears what it has just set", () => {
    const tpm = TestTpm.started();
    tpm.platform.presence = true;
    tpm.run(PP_Commands, { auth, setList: [TPM_CC.Clear], clearList: [TPM_CC.Clear] });
    expect(list(tpm)).toEqual([TPM_CC.PP_Commands]);
  });
});

test("TPM2_SetAlgorithmSet remembers a number", () => {
  const tpm = TestTpm.started();
  expect(tpm.run(SetAlgorithmSet, { authHandle: auth, algorithmSet: 0xffff_ffff }).text).toBe("TPM_RC_SUCCESS");
  expect(tpm.tpm.state.nv.persistent.algorithmSet).toBe(0xffff_ffff);
});

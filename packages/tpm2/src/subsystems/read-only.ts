import type { Engine } from "../engine.ts";
import { TPMA_NV } from "../spec/attributes.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { type NO, YES } from "../spec/constants.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";

/** What makes keys, or changes what lasts. */
const REFUSED: ReadonlySet<number> = new Set([
  TPM_CC.NV_UndefineSpaceSpecial,
  TPM_CC.EvictControl,
  TPM_CC.HierarchyControl,
  TPM_CC.NV_UndefineSpace,
  TPM_CC.ChangeEPS,
  TPM_CC.ChangePPS,
  TPM_CC.Clear,
  TPM_CC.ClearControl,
  TPM_CC.ClockSet,
  TPM_CC.HierarchyChangeAuth,
  TPM_CC.NV_DefineSpace,
  TPM_CC.PCR_Allocate,
  TPM_CC.PCR_SetAuthPolicy,
  TPM_CC.PP_Commands,
  TPM_CC.SetPrimaryPolicy,
  TPM_CC.ClockRateAdjust,
  TPM_CC.CreatePrimary,
  TPM_CC.NV_GlobalWriteLock,
  TPM_CC.NV_Increment,
  TPM_CC.DictionaryAttackParameters,
  TPM_CC.NV_ChangeAuth,
  TPM_CC.SetAlgorithmSet,
  TPM_CC.SetCommandCodeAuditStatus,
  TPM_CC.ObjectChangeAuth,
  TPM_CC.Create,
  TPM_CC.PCR_SetAuthValue,
  TPM_CC.CreateLoaded,
  TPM_CC.NV_DefineSpace2,
  TPM_CC.SetCapability,
]);

const isReadOnly = ({ ram }: Engine): boolean => ram.extension.readOnly === YES;

/** Whether the command is refused because the TPM is in Read-Only mode. @spec Part 1, "Read-Only Mode" */
export const isRefusedReadOnly = (tpm: Engine, commandCode: number): boolean =>
  isReadOnly(tpm) && REFUSED.has(commandCode);

/**
 * Refuses to write to or to lock an Index in Read-Only mode, unless it is kept in RAM and forgotten at Startup.
 *
 * @rc READ_ONLY  the TPM is in Read-Only mode
 */
export function checkIndexWritable(tpm: Engine, nvIndex: number): void {
  if (!isReadOnly(tpm)) return;
  const { attributes } = tpm.nv.get(nvIndex).publicArea;
  const isTemporary = TPMA_NV.has(attributes, "ORDERLY") && TPMA_NV.has(attributes, "CLEAR_STCLEAR");
  if (!isTemporary) throw new TpmError(TPM_RC.READ_ONLY);
}

/**
 * Refuses a policy that would count uses of a PIN Index in Read-Only mode.
 *
 * @rc READ_ONLY  the TPM is in Read-Only mode
 */
export function checkPinCountable(tpm: Engine, handle: number): void {
  if (isReadOnly(tpm) && tpm.nv.isPin(handle)) throw new TpmError(TPM_RC.READ_ONLY);
}

/** Turns Read-Only mode on or off. */
export function setReadOnly(tpm: Engine, state: typeof YES | typeof NO): void {
  const { extension } = tpm.ram;
  if (extension.readOnly === state) return;
  tpm.clearOrderly();
  tpm.changeRam({ extension: { ...extension, readOnly: state } });
}

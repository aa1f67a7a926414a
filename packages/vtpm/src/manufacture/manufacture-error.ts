import { HostError } from "../host-error.ts";

/**
 * `TPM_EXISTS`, `TPM_MISSING`: there is one already, or none; `PCR_BANK`: a bank cannot be had; `TPM_REFUSAL`: a command was
 * refused; `TPM_ANSWER`: the TPM answers what nobody has asked; `TPM_PROGRAM`, `CERTIFICATE_TOOL`: another program failed.
 */
export type ManufactureErrorCode =
  | "TPM_EXISTS"
  | "TPM_MISSING"
  | "PCR_BANK"
  | "TPM_REFUSAL"
  | "TPM_ANSWER"
  | "TPM_PROGRAM"
  | "CERTIFICATE_TOOL";

/** A TPM could not be given what it was to have. */
export class ManufactureError extends HostError {
  override readonly name = "ManufactureError";
  readonly code: ManufactureErrorCode;

  constructor(code: ManufactureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

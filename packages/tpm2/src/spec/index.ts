export { TPM_CC } from "./command-codes.ts";
export * from "./constants.ts";
export { HANDLE, handleTypeOf, TPM_HT, TPM_RH } from "./handles.ts";
export * from "./properties.ts";
export { TPM_RC } from "./response-codes.ts";
export * from "./structures/index.ts";
export { describeRc, TpmError } from "./tpm-error.ts";

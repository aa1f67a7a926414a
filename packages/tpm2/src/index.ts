export { COMMANDS } from "./commands/index.ts";
export type { Command } from "./dispatch/command.ts";
export { type Job, type JobResult, runJob } from "./dispatch/job.ts";
export { errorResponse } from "./dispatch/response.ts";
export type { Firmware, Platform } from "./platform.ts";
export { ProfileError, type ProfileErrorCode } from "./profile/profile-error.ts";
export { algorithmLists, attributeLists, commandLists, type FeatureLists } from "./profile/profile-info.ts";
export {
  AVAILABLE_PROFILES,
  DEFAULT_V1,
  DEFAULT_V2,
  LATEST,
  NULL_PROFILE,
  PROFILES,
  type Profile,
  parseProfile,
} from "./profile.ts";
export { TPM_CC } from "./spec/command-codes.ts";
export { TPM_ALG } from "./spec/constants.ts";
export { TPM_PT } from "./spec/properties.ts";
export { TPM_RC } from "./spec/response-codes.ts";
export { SPEC } from "./spec/SPEC.ts";
export { describeRc, TpmError } from "./spec/tpm-error.ts";
export {
  applyChanges,
  type Change,
  decodeChanges,
  durableChanges,
  encodeChanges,
  StateError,
} from "./state/durable.ts";
export type { NvState, TpmState } from "./state/tpm-state.ts";
export { type Step, Tpm, type TpmOptions } from "./tpm.ts";

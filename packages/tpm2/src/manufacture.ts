import { EMPTY } from "@vtpm/wire";
import type { Platform } from "./platform.ts";
import type { Profile } from "./profile.ts";
import { TPM_CC } from "./spec/command-codes.ts";
import { TPM_ALG, TPM_SU } from "./spec/constants.ts";
import { TPM_PT } from "./spec/properties.ts";
import type { PERSISTENT_DATA } from "./state/data.ts";
import { poweredOff } from "./state/powered-off.ts";
import type { TpmState } from "./state/tpm-state.ts";
import { LOCKOUT_DEFAULTS } from "./subsystems/lockout.ts";
import { everyPcr } from "./subsystems/pcr-selection.ts";

/** Bytes of a primary seed and of a proof value, as in libtpms. */
const SECRET_SIZE = 64;

/** A TPM as it leaves the factory: fresh seeds and proofs, empty authorizations, libtpms' defaults. */
export function manufacture(platform: Platform, profile: Profile): TpmState {
  const secret = (): Uint8Array => platform.entropy(SECRET_SIZE);
  const pcrAllocated = profile.pcrBanks
    .filter((hash) => !profile.emptyBanks.includes(hash))
    .map((hash) => ({ hash, pcrSelect: everyPcr() }));
  return poweredOff({
    profile,
    persistent: {
      disableClear: 0,
      ownerAlg: TPM_ALG.NULL,
      endorsementAlg: TPM_ALG.NULL,
      lockoutAlg: TPM_ALG.NULL,
      ownerPolicy: EMPTY,
      endorsementPolicy: EMPTY,
      lockoutPolicy: EMPTY,
      ownerAuth: EMPTY,
      endorsementAuth: EMPTY,
      lockoutAuth: EMPTY,
      EPSeed: secret(),
      SPSeed: secret(),
      PPSeed: secret(),
      phProof: secret(),
      shProof: secret(),
      ehProof: secret(),
      EPSeedCompatLevel: 1,
      SPSeedCompatLevel: 1,
      PPSeedCompatLevel: 1,
      totalResetCount: 0n,
      resetCount: 0,
      pcrPolicyAlg: TPM_ALG.NULL,
      pcrPolicy: EMPTY,
      pcrAllocated,
      pcrInUse: pcrAllocated,
      ppList: [TPM_CC.PP_Commands],
      ...LOCKOUT_DEFAULTS,
      orderlyState: TPM_SU.CLEAR,
      auditCommands: [TPM_CC.SetCommandCodeAuditStatus].filter((code) => profile.allows("CC", code)),
      auditHashAlg: TPM_ALG.SHA512,
      auditCounter: 0n,
      algorithmSet: 0,
      ...firmwareOf(profile),
      timeEpoch: 0,
      maxCounter: 0n,
    },
    orderly: { clock: 0n, clockSafe: 1, selfHealTimer: 0n, lockoutTimer: 0n, time: 0n },
    orderlyIndices: new Map(),
    stateReset: undefined,
    stateClear: undefined,
    indices: new Map(),
    objects: new Map(),
  });
}

/** The firmware version as the persistent state has it: what made a TPM, and, as in libtpms 0.11, what last gave it power. */
export function firmwareOf({ properties }: Profile): Pick<PERSISTENT_DATA, "firmwareV1" | "firmwareV2"> {
  return {
    firmwareV1: properties.get(TPM_PT.FIRMWARE_VERSION_1) ?? 0,
    firmwareV2: properties.get(TPM_PT.FIRMWARE_VERSION_2) ?? 0,
  };
}

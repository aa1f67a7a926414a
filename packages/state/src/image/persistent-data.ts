import { TPM_SU, TPM2B_AUTH, TPM2B_DIGEST, TPMI_YES_NO, TPML_PCR_SELECTION } from "@vtpm/tpm2/spec";
import { isOrderly, ORDERLY, SEED_LEVEL } from "@vtpm/tpm2/state";
import {
  block,
  changed,
  checked,
  constant,
  counted,
  settled,
  struct,
  type TypeOf,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
  versioned,
} from "@vtpm/wire";
import { complaintAboutPolicy, HASH, HASH_OR_NULL } from "./algorithms.ts";
import { COMMANDS, COMPRESSED_COMMANDS } from "./command-bitmap.ts";

import { SECRET } from "./secret.ts";

const POLICY = checked(struct("PCR policy", { hashAlg: HASH_OR_NULL, policy: TPM2B_DIGEST }), ({ hashAlg, policy }) =>
  complaintAboutPolicy(hashAlg, policy),
);

const PCR_POLICY = settled("PCR_POLICY", { magic: 0x176be626 }, { policies: counted("policies", POLICY, 1) });

/** The first version that can name every command. */
export const FIRST_WITH_ALL_COMMANDS = 5;

/** Bytes of `timeEpoch`. */
export const EPOCH_SIZE = 4;

const COMMAND_SET = changed(COMPRESSED_COMMANDS, FIRST_WITH_ALL_COMMANDS, COMMANDS);

/** Banks of PCRs, each once. */
const PCR_ALLOCATION = checked(TPML_PCR_SELECTION, (banks) =>
  new Set(banks.map(({ hash }) => hash)).size === banks.length ? undefined : "a bank is there twice",
);

/** How the TPM was stopped: by a TPM_SU, with what had happened before its start, or not in order. */
const ORDERLY_STATE = checked(UINT16, (state) =>
  !isOrderly(state) || state % ORDERLY.STARTUP_LOCALITY_3 <= TPM_SU.STATE
    ? undefined
    : `0x${state.toString(16)} is no way to stop a TPM`,
);

/** What stays until somebody changes it. */
const LAYOUT = versioned(
  "PERSISTENT_DATA",
  {
    magic: 0x12213443,
    newest: 5,
    additions: {
      /** The banks in use when this was written; a TPM that starts uses those of `pcrAllocated`. */
      pcrInUse: [3, PCR_ALLOCATION],
      EPSeedCompatLevel: [4, SEED_LEVEL],
      SPSeedCompatLevel: [4, SEED_LEVEL],
      PPSeedCompatLevel: [4, SEED_LEVEL],
    },
  },
  {
    disableClear: TPMI_YES_NO,
    ownerAlg: HASH_OR_NULL,
    endorsementAlg: HASH_OR_NULL,
    lockoutAlg: HASH_OR_NULL,
    ownerPolicy: TPM2B_DIGEST,
    endorsementPolicy: TPM2B_DIGEST,
    lockoutPolicy: TPM2B_DIGEST,
    ownerAuth: TPM2B_AUTH,
    endorsementAuth: TPM2B_AUTH,
    lockoutAuth: TPM2B_AUTH,
    EPSeed: SECRET,
    SPSeed: SECRET,
    PPSeed: SECRET,
    phProof: SECRET,
    shProof: SECRET,
    ehProof: SECRET,
    totalResetCount: UINT64,
    resetCount: UINT32,
    pcrPolicy: block(PCR_POLICY),
    pcrAllocated: PCR_ALLOCATION,
    ppList: COMMAND_SET,
    failedTries: UINT32,
    maxTries: UINT32,
    recoveryTime: UINT32,
    lockoutRecovery: UINT32,
    lockOutAuthEnabled: TPMI_YES_NO,
    orderlyState: ORDERLY_STATE,
    auditCommands: COMMAND_SET,
    auditHashAlg: HASH,
    auditCounter: UINT64,
    algorithmSet: UINT32,
    firmwareV1: UINT32,
    firmwareV2: UINT32,
    epochSize: constant("epochSize", UINT8, EPOCH_SIZE),
    timeEpoch: UINT32,
  },
);

/** The same, of which the parts go together. */
export const PERSISTENT_DATA = checked(
  LAYOUT,
  ({ ownerAlg, ownerPolicy, endorsementAlg, endorsementPolicy, lockoutAlg, lockoutPolicy }) =>
    complaintAboutPolicy(ownerAlg, ownerPolicy) ??
    complaintAboutPolicy(endorsementAlg, endorsementPolicy) ??
    complaintAboutPolicy(lockoutAlg, lockoutPolicy),
);
export type PERSISTENT_DATA = TypeOf<typeof PERSISTENT_DATA>;

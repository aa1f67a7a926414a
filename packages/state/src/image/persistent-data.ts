import { TPM2B_AUTH, TPM2B_DIGEST, TPMI_YES_NO, TPML_PCR_SELECTION } from "@vtpm/tpm2/spec";
import { SEED_LEVEL } from "@vtpm/tpm2/state";
import {
  block,
  changed,
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
import { COMMANDS, COMPRESSED_COMMANDS } from "./command-bitmap.ts";
import { SECRET } from "./secret.ts";

const PCR_POLICY = settled(
  "PCR_POLICY",
  { magic: 0x176be626 },
  { policies: counted("policies", struct("PCR policy", { hashAlg: UINT16, policy: TPM2B_DIGEST }), 1) },
);

/** Bytes of `timeEpoch`. */
export const EPOCH_SIZE = 4;

const COMMAND_SET = changed(COMPRESSED_COMMANDS, 5, COMMANDS);

/** What stays until somebody changes it. */
export const PERSISTENT_DATA = versioned(
  "PERSISTENT_DATA",
  {
    magic: 0x12213443,
    newest: 5,
    additions: {
      /** The banks in use when this was written; a TPM that starts uses those of `pcrAllocated`. */
      pcrInUse: [3, TPML_PCR_SELECTION],
      EPSeedCompatLevel: [4, SEED_LEVEL],
      SPSeedCompatLevel: [4, SEED_LEVEL],
      PPSeedCompatLevel: [4, SEED_LEVEL],
    },
  },
  {
    disableClear: TPMI_YES_NO,
    ownerAlg: UINT16,
    endorsementAlg: UINT16,
    lockoutAlg: UINT16,
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
    pcrAllocated: TPML_PCR_SELECTION,
    ppList: COMMAND_SET,
    failedTries: UINT32,
    maxTries: UINT32,
    recoveryTime: UINT32,
    lockoutRecovery: UINT32,
    lockOutAuthEnabled: TPMI_YES_NO,
    orderlyState: UINT16,
    auditCommands: COMMAND_SET,
    auditHashAlg: UINT16,
    auditCounter: UINT64,
    algorithmSet: UINT32,
    firmwareV1: UINT32,
    firmwareV2: UINT32,
    epochSize: constant("epochSize", UINT8, EPOCH_SIZE),
    timeEpoch: UINT32,
  },
);
export type PERSISTENT_DATA = TypeOf<typeof PERSISTENT_DATA>;

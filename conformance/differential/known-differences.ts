import { TPM_CC, TPM_RC } from "@vtpm/tpm2";
import type { CommandStep, Exchange } from "@vtpm/tpm2/testing/fuzz";
import { isPeerDebians } from "../../bench/swtpm-programs.ts";

/** A difference that is known and stays. */
export interface KnownDifference {
  /** Why, in words; `docs/conformance.md` has the same list. */
  readonly reason: string;
  matches(difference: string, step: CommandStep, ours: Exchange, theirs: Exchange): boolean;
}

/** A response code that blames handle 1 made one that blames handle 2, and the other way round. */
function exchangeHandles(rc: number): number {
  const number = Math.floor(rc / 0x100);
  return number === 1 || number === 2 ? rc + (number === 1 ? 0x100 : -0x100) : rc;
}

const HANDLES = 1;
const TPM_PT_HR_PERSISTENT = 0x208;

/** Whether TPM2_GetCapability asks for persistent handles, or how many there are. */
function isAboutPersistentObjects({ capability, property }: CommandStep["input"]): boolean {
  if (capability === HANDLES) return Math.floor(Number(property) / 2 ** 24) === 0x81;
  return capability === TPM_PROPERTIES && Number(property) <= TPM_PT_HR_PERSISTENT + 1;
}

/** TPM_EO: greater, less, greater or equal, less or equal; all signed. */
const SIGNED = [2, 4, 6, 8];
const TPM_PROPERTIES = 6;
const PCR_PROPERTIES = 7;

/** Whether a response blames a parameter for this. */
function isRc({ rc }: Exchange, name: "HASH" | "SIZE" | "VALUE", parameter: number): boolean {
  return rc === TPM_RC[name] + 0x40 + 0x100 * parameter;
}

/** Whether a value is, or contains, more bytes than 0.9.2 has room for in a key. */
function isLong(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length > 384;
  return typeof value === "object" && value !== null && Object.values(value).some(isLong);
}

/** What libtpms does otherwise than this project, on purpose. */
const DEVIATIONS: readonly KnownDifference[] = [
  {
    reason:
      "TPM2_ZGen_2Phase works by ECMQV, and by SM2 with P-521; libtpms' numbers are unset or too short, and it fails for good",
    matches: (_difference, step, ours, theirs) =>
      step.name === "ZGen_2Phase" && ours.rc === 0 && theirs.rc === TPM_RC.FAILURE,
  },
  {
    reason: "signed numbers of no bytes are equal; libtpms compares the signs of the bytes that happen to be there",
    matches: (_difference, step) => {
      const { operandB, operation } = step.input;
      return operandB instanceof Uint8Array && operandB.length === 0 && SIGNED.some((signed) => signed === operation);
    },
  },
  {
    reason:
      "a free transient handle is free; in libtpms it is that of the copy made of a persistent object that the same command uses",
    matches: (_difference, _step, ours, theirs) =>
      (ours.rc === TPM_RC.REFERENCE_H0 + 1 || ours.rc === TPM_RC.REFERENCE_H0 + 2) &&
      ours.rc !== theirs.rc &&
      ours.handles.some((handle) => Math.floor(handle / 2 ** 24) === 0x81),
  },
];

/** What later revisions than 0.9.2 do otherwise than this project, on purpose. */
const SINCE_0_10: readonly KnownDifference[] = [
  {
    reason: "what is cleared is gone; libtpms since 0.10 keeps persistent objects, but for those of the null profile",
    matches: (difference, step, ours, theirs) =>
      (step.name === "EvictControl" && ours.rc === 0 && theirs.rc === TPM_RC.NV_DEFINED) ||
      (difference.startsWith("GetCapability.capabilityData") && isAboutPersistentObjects(step.input)),
  },
];

/** What libtpms 0.9.2 does otherwise than the revision that we follow. */
const OF_0_9: readonly KnownDifference[] = [
  {
    reason: "TPM2_PolicyAuthorize looks at the size of keySign before the algorithm in it; 0.9.2 only afterwards",
    matches: (_difference, step, ours, theirs) =>
      step.name === "PolicyAuthorize" && isRc(ours, "SIZE", 3) && isRc(theirs, "HASH", 3),
  },
  {
    reason: "TPM2_PolicyTemplate refuses a second hash with CPHASH and another size with SIZE; 0.9.2 said VALUE",
    matches: (_difference, step, ours, theirs) =>
      step.name === "PolicyTemplate" && ours.rc !== 0 && isRc(theirs, "VALUE", 1),
  },
  {
    reason:
      "firmwareLimited and svnLimited are attributes of an object, refused later than reserved bits; 0.9.2 did not know them",
    matches: (_difference, _step, ours, theirs) => ours.rc !== 0 && theirs.rc % 0x100 === 0xe1,
  },
  {
    reason: "buffers have room for RSA-4096; those of 0.9.2 refused more than 384 bytes with SIZE",
    matches: (_difference, step, ours, theirs) =>
      ours.rc !== theirs.rc && theirs.rc % 0x100 === 0xd5 && Object.values(step.input).some(isLong),
  },
  {
    reason: "of two negative numbers the one nearer to zero is greater; 0.9.2 had it the other way round",
    matches: (_difference, step, ours, theirs) => {
      const { operandB, operation } = step.input;
      const isNegative = operandB instanceof Uint8Array && (operandB[0] ?? 0) >= 0x80;
      const areOpposite = [ours.rc, theirs.rc].includes(0) && [ours.rc, theirs.rc].includes(TPM_RC.POLICY);
      return isNegative && areOpposite && SIGNED.some((signed) => signed === operation);
    },
  },
  {
    reason: "TPM2_CertifyX509 blames the handle that is wrong; 0.9.2 had the numbers of the two handles exchanged",
    matches: (_difference, step, ours, theirs) =>
      step.name === "CertifyX509" && ours.rc !== theirs.rc && exchangeHandles(ours.rc) === theirs.rc,
  },
  {
    reason: "TPM2_RSA_Decrypt refuses what cannot be decrypted with VALUE; 0.9.2 said FAILURE (and went on)",
    matches: (_difference, step, ours, theirs) =>
      step.name === "RSA_Decrypt" && ours.rc === TPM_RC.VALUE && theirs.rc === TPM_RC.FAILURE,
  },
  {
    reason: "PCR 20 to 22 may be reset in locality 3; in 0.9.2 they may not",
    matches: (_difference, step, ours, theirs) =>
      step.name === "PCR_Reset" && step.locality === 3 && ours.rc === 0 && theirs.rc === TPM_RC.LOCALITY,
  },
  {
    reason:
      "a nameHash ties a policy by an attribute, which the state of the null profile lacks; 0.9.2 looked whether there is one",
    matches: (_difference, step, ours, theirs) =>
      step.name.startsWith("Policy") && ours.rc !== TPM_RC.CPHASH && theirs.rc === TPM_RC.CPHASH,
  },
  {
    reason:
      "revision, firmware version, sizes of buffers and number of commands are those of 0.11 in TPM_CAP_TPM_PROPERTIES",
    matches: (difference, step) =>
      difference.startsWith("GetCapability.capabilityData") && step.input["capability"] === TPM_PROPERTIES,
  },
  {
    reason: "TPM2_SequenceUpdate blames the handle for what is no sequence; 0.9.2 blamed the first parameter",
    matches: (_difference, step, ours, theirs) =>
      step.name === "SequenceUpdate" && ours.rc === TPM_RC.MODE + 0x100 && theirs.rc === TPM_RC.MODE + 0x140,
  },
  {
    reason: "no PCR has an authValue or a policy; in 0.9.2 PCR 20 to 22 had, which TPM_CAP_PCR_PROPERTIES tells",
    matches: (difference, step) =>
      difference.startsWith("GetCapability.capabilityData") && step.input["capability"] === PCR_PROPERTIES,
  },
];

/** Every known difference from the peer, one by one. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [...DEVIATIONS, ...(isPeerDebians ? OF_0_9 : SINCE_0_10)];

/** Commands by which two revisions cannot be compared: 0.9.2 lets PCR 20 to 22 have an authValue and a policy, later no PCR has. */
export const LEFT_OUT: readonly number[] = isPeerDebians ? [TPM_CC.PCR_SetAuthPolicy, TPM_CC.PCR_SetAuthValue] : [];

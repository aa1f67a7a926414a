import { TPM_RH } from "../spec/handles.ts";

/** What a hierarchy is limited to: this very firmware, or firmware from an SVN on. */
export type HierarchyLimit = { readonly kind: "firmware" } | { readonly kind: "svn"; readonly svn: number };

/** A hierarchy and what it is limited to, if anything. */
export interface HierarchyParts {
  readonly base: number;
  readonly limit: HierarchyLimit | undefined;
}

/** The base hierarchies in the order of the limited ones. */
const BASES: readonly number[] = [TPM_RH.OWNER, TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM, TPM_RH.NULL];
const SVNS = 0x1_0000;

/** The first handle of each kind: of every base hierarchy the one limited to the firmware, and that of SVN 0. */
export const LIMITED_HIERARCHIES: readonly number[] = [
  TPM_RH.FW_OWNER,
  TPM_RH.FW_ENDORSEMENT,
  TPM_RH.FW_PLATFORM,
  TPM_RH.FW_NULL,
  TPM_RH.SVN_OWNER_BASE,
  TPM_RH.SVN_ENDORSEMENT_BASE,
  TPM_RH.SVN_PLATFORM_BASE,
  TPM_RH.SVN_NULL_BASE,
];

/** Takes the handle of a hierarchy apart; other handles are their own base. @spec Part 2, "TPM_RH (Permanent Handles)" */
export function hierarchyParts(handle: number): HierarchyParts {
  const ofFirmware = BASES[handle - TPM_RH.FW_OWNER];
  if (ofFirmware !== undefined) return { base: ofFirmware, limit: { kind: "firmware" } };
  const ofSvn = BASES[Math.floor((handle - TPM_RH.SVN_OWNER_BASE) / SVNS)];
  return ofSvn === undefined
    ? { base: handle, limit: undefined }
    : { base: ofSvn, limit: { kind: "svn", svn: handle % SVNS } };
}

/** The hierarchy whose authorizations and enable a hierarchy has. */
export const baseHierarchy = (handle: number): number => hierarchyParts(handle).base;

/** Whether the hierarchy, and every object in it, is limited in that way. */
export const isLimitedTo = (kind: HierarchyLimit["kind"], handle: number): boolean =>
  hierarchyParts(handle).limit?.kind === kind;

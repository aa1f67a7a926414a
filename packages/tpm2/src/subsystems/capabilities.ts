import type { Engine } from "../engine.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_PT_PCR } from "../spec/properties.ts";
import {
  TPMI_ALG_HASH,
  TPMI_ECC_CURVE,
  type TPMS_ALG_PROPERTY,
  type TPMS_TAGGED_PCR_SELECT,
  type TPMS_TAGGED_POLICY,
} from "../spec/structures/index.ts";
import { permanentHandles } from "./handle-lists.ts";
import { ALL_PCRS, attributesOfPcr, hasLocality } from "./pcr-attributes.ts";
import { selectPcrs } from "./pcr-selection.ts";

/** Algorithms and curves have 16 bits; the reference drops the others. */
const low16 = (property: number): number => property % 2 ** 16;

/** @spec Part 2, "TPM_CAP (Capabilities)": TPM_CAP_ALGS from an algorithm on */
export function algorithms({ profile }: Engine, first: number): TPMS_ALG_PROPERTY[] {
  return [...profile.algorithms]
    .filter(([alg]) => alg >= low16(first))
    .map(([alg, algProperties]) => ({ alg, algProperties }));
}

/** TPM_CAP_COMMANDS from a code on. */
export function commandAttributes({ profile }: Engine, first: number): number[] {
  return [...profile.commands].filter(([code]) => code >= first).map(([, attributes]) => attributes);
}

/** TPM_CAP_PP_COMMANDS, TPM_CAP_AUDIT_COMMANDS from a code on, without commands that the profile lacks. */
export const commandsFrom = ({ profile }: Engine, codes: readonly number[], first: number): number[] =>
  codes.filter((code) => code >= first && profile.allows("CC", code));

/** TPM_CAP_ECC_CURVES from a curve on. */
export function curves({ profile }: Engine, first: number): TPMI_ECC_CURVE[] {
  return profile.curves.filter(
    (curve): curve is TPMI_ECC_CURVE => curve >= low16(first) && TPMI_ECC_CURVE.includes(curve),
  );
}

/** TPM_CAP_AUTH_POLICIES from a handle on: the handles that can have a policy. */
export function authPolicies(tpm: Engine, first: number): TPMS_TAGGED_POLICY[] {
  return permanentHandles(tpm, first).flatMap((handle): TPMS_TAGGED_POLICY[] => {
    const found = tpm.hierarchies.policyOf(handle);
    if (found === undefined) return [];
    const { hashAlg, policy } = found;
    if (hashAlg === TPM_ALG.NULL || !TPMI_ALG_HASH.includes(hashAlg)) {
      return [{ handle, policyHash: { hashAlg: TPM_ALG.NULL } }];
    }
    return [{ handle, policyHash: { hashAlg, digest: policy } }];
  });
}

const LOCALITIES = [0, 1, 2, 3, 4] as const;

/** TPM_CAP_PCR_PROPERTIES from a tag on: the PCRs that have each property. */
export function pcrProperties(tpm: Engine, first: number): TPMS_TAGGED_PCR_SELECT[] {
  const of = (tag: number, has: (pcr: number) => boolean): TPMS_TAGGED_PCR_SELECT => ({
    tag,
    pcrSelect: selectPcrs(ALL_PCRS.filter(has)),
  });
  const all = [
    of(TPM_PT_PCR.SAVE, (pcr) => attributesOfPcr(pcr).stateSave),
    // Extend and reset take turns, locality by locality.
    ...LOCALITIES.flatMap((locality) => [
      of(TPM_PT_PCR.EXTEND_L0 + 2 * locality, (pcr) => hasLocality(attributesOfPcr(pcr).extend, locality)),
      of(TPM_PT_PCR.RESET_L0 + 2 * locality, (pcr) => hasLocality(attributesOfPcr(pcr).reset, locality)),
    ]),
    of(TPM_PT_PCR.NO_INCREMENT, (pcr) => attributesOfPcr(pcr).noIncrement),
    of(TPM_PT_PCR.DRTM_RESET, (pcr) => hasLocality(attributesOfPcr(pcr).reset, 4)),
    of(TPM_PT_PCR.POLICY, (pcr) => tpm.pcr.hasPolicy(pcr)),
    of(TPM_PT_PCR.AUTH, (pcr) => tpm.pcr.hasAuthValue(pcr)),
  ];
  return all.filter(({ tag }) => tag >= first);
}

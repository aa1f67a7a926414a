import type { ProfileParts } from "../profile.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_PT } from "../spec/properties.ts";
import { formatRanges } from "./command-list.ts";

/** A format of its own, which libtpms refuses by its number as it refuses the name. */
const LEVEL = 9;

/** What version 1.84 of the library adds. */
const COMMANDS: readonly (readonly [TPM_CC, number])[] = [
  [TPM_CC.ACT_SetTimeout, 0x02000198],
  [TPM_CC.NV_DefineSpace2, 0x0240019d],
  [TPM_CC.NV_ReadPublic2, 0x0200019e],
  [TPM_CC.SetCapability, 0x0240019f],
  [TPM_CC.ReadOnlyControl, 0x024001a0],
  [TPM_CC.PolicyTransportSPDM, 0x020001a1],
];

const ALGORITHMS: readonly (readonly [TPM_ALG, number, string])[] = [
  [TPM_ALG.SHA3_256, 0x004, "sha3-256"],
  [TPM_ALG.SHA3_384, 0x004, "sha3-384"],
  [TPM_ALG.SHA3_512, 0x004, "sha3-512"],
];

const ascending = (map: Iterable<readonly [number, number]>): ReadonlyMap<number, number> =>
  new Map([...map].sort(([a], [b]) => a - b));

/** The parts of profile `latest`: those of libtpms' newest profile, and what libtpms does not have. */
export function latestParts(base: ProfileParts): ProfileParts {
  const commands = ascending([...base.commands, ...COMMANDS]);
  const tokens = ALGORITHMS.map(([, , token]) => token);
  return {
    ...base,
    name: "latest",
    description: "Everything that vtpm has of version 1.84 of the TPM 2.0 library. No libtpms can read its state.",
    stateFormatLevel: LEVEL,
    lists: {
      commands: formatRanges(commands.keys()),
      algorithms: [base.lists.algorithms, ...tokens].join(","),
      attributes: base.lists.attributes,
    },
    algorithms: ascending([...base.algorithms, ...ALGORITHMS.map(([alg, properties]) => [alg, properties] as const)]),
    commands,
    // Banks are still those of libtpms, but selections may name the others.
    limits: { ...base.limits, HASH_COUNT: base.limits.HASH_COUNT + ALGORITHMS.length, ACT_HANDLES: 2 },
    properties: new Map(base.properties).set(TPM_PT.REVISION, 184),
  };
}

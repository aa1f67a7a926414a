import type { ProfileParts } from "../profile.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_PT } from "../spec/properties.ts";
import type { TPMI_ALG_HASH } from "../spec/structures/index.ts";
import { formatRanges } from "./command-list.ts";

/** A format of its own, which libtpms refuses by its number as it refuses the name. */
export const LATEST_LEVEL = 9;

/** What version 1.84 of the library adds. */
const COMMANDS: readonly (readonly [TPM_CC, number])[] = [
  [TPM_CC.ACT_SetTimeout, 0x02000198],
  [TPM_CC.NV_DefineSpace2, 0x0240019d],
  [TPM_CC.NV_ReadPublic2, 0x0200019e],
  [TPM_CC.SetCapability, 0x0240019f],
  [TPM_CC.ReadOnlyControl, 0x024001a0],
  [TPM_CC.PolicyTransportSPDM, 0x020001a1],
];

const ALGORITHMS: readonly (readonly [TPMI_ALG_HASH, number, string])[] = [
  [TPM_ALG.SHA3_256, 0x004, "sha3-256"],
  [TPM_ALG.SHA3_384, 0x004, "sha3-384"],
  [TPM_ALG.SHA3_512, 0x004, "sha3-512"],
];

const ascending = (map: Iterable<readonly [number, number]>): ReadonlyMap<number, number> =>
  new Map([...map].sort(([a], [b]) => a - b));

/** The algorithms that only this profile has, as its list names them. */
export const LATEST_TOKENS: readonly string[] = ALGORITHMS.map(([, , token]) => token);
/** The commands that only this profile has. */
export const LATEST_COMMANDS: readonly number[] = COMMANDS.map(([code]) => code);

/** What of the additions a state was made with: a later version may have more of them. */
export interface Additions {
  readonly commands: readonly number[];
  readonly tokens: readonly string[];
}

/** The parts of profile `latest`: those of libtpms' newest profile, and what libtpms does not have. */
export function latestParts(
  base: ProfileParts,
  added: Additions = { commands: LATEST_COMMANDS, tokens: LATEST_TOKENS },
): ProfileParts {
  const commands = ascending([...base.commands, ...COMMANDS.filter(([code]) => added.commands.includes(code))]);
  const algorithms = ALGORITHMS.filter(([, , token]) => added.tokens.includes(token));
  const hashes = algorithms.map(([alg]) => alg);
  const hasTimers = added.commands.includes(TPM_CC.ACT_SetTimeout);
  return {
    ...base,
    name: "latest",
    description: "Everything that vtpm has of version 1.84 of the TPM 2.0 library. No libtpms can read its state.",
    stateFormatLevel: LATEST_LEVEL,
    lists: {
      commands: formatRanges(commands.keys()),
      algorithms: [base.lists.algorithms, ...algorithms.map(([, , token]) => token)].join(","),
      attributes: base.lists.attributes,
    },
    algorithms: ascending([...base.algorithms, ...algorithms.map(([alg, properties]) => [alg, properties] as const)]),
    commands,
    pcrBanks: [...base.pcrBanks, ...hashes],
    // Firmware that does not know a bank leaves it unextended: so nobody has one who did not ask for it.
    emptyBanks: hashes,
    limits: {
      ...base.limits,
      HASH_COUNT: base.limits.HASH_COUNT + algorithms.length,
      // As many as there are numbers for: what is defined decides.
      EXTERNAL_NV_HANDLES: added.commands.includes(TPM_CC.NV_DefineSpace2) ? 0x100_0000 : 0,
      // Of each base hierarchy one, and one for every SVN.
      FIRMWARE_HIERARCHIES: 4,
      SVN_HIERARCHIES: 4 * 0x1_0000,
      ACT_HANDLES: hasTimers ? 2 : 0,
    },
    properties: new Map(base.properties).set(TPM_PT.REVISION, 184),
  };
}

import {
  AVAILABLE_PROFILES,
  algorithmLists,
  attributeLists,
  commandLists,
  DEFAULT_V2,
  type FeatureLists,
  type Profile,
  TPM_PT,
} from "@vtpm/tpm2";

/** Parts of the information about a TPM, by the flags that ask for them. */
export const INFO = {
  SPECIFICATION: 0x01n,
  ATTRIBUTES: 0x02n,
  FEATURES: 0x04n,
  RUNTIME_ALGORITHMS: 0x08n,
  RUNTIME_COMMANDS: 0x10n,
  ACTIVE_PROFILE: 0x20n,
  AVAILABLE_PROFILES: 0x40n,
  RUNTIME_ATTRIBUTES: 0x80n,
} as const;

/** What certificates of swtpm's TPMs name as their maker and model, other than the TPM's own properties. */
const MANUFACTURER = "id:00001014";
const MODEL = "swtpm";

/** Information about a TPM as one JSON object, in swtpm's order and spelling. Without a TPM nothing is enabled. */
export function tpmInfo(flags: bigint, profile: Profile | undefined): string {
  const { properties, keySizes } = profile ?? DEFAULT_V2;
  const hex = (property: number): string => (properties.get(property) ?? 0).toString(16).padStart(8, "0");
  const parts: readonly (readonly [flag: bigint, text: () => string | undefined])[] = [
    [
      INFO.SPECIFICATION,
      () =>
        `"TPMSpecification":{"family":"2.0","level": ${properties.get(TPM_PT.LEVEL)},` +
        `"revision": ${properties.get(TPM_PT.REVISION)}}`,
    ],
    [
      INFO.ATTRIBUTES,
      () =>
        `"TPMAttributes":{"manufacturer":"${MANUFACTURER}","version":"id:${hex(TPM_PT.FIRMWARE_VERSION_1)}","model":"${MODEL}"}`,
    ],
    [
      INFO.FEATURES,
      () => {
        const { RSA_KEY_BITS, CAMELLIA_KEY_BITS } = profile === undefined ? keySizes : DEFAULT_V2.keySizes;
        return `"TPMFeatures":{"RSAKeySizes":[${RSA_KEY_BITS}],"CamelliaKeySizes":[${CAMELLIA_KEY_BITS}]}`;
      },
    ],
    [INFO.RUNTIME_ALGORITHMS, () => lists("RuntimeAlgorithms", algorithmLists, profile)],
    [INFO.RUNTIME_COMMANDS, () => lists("RuntimeCommands", commandLists, profile)],
    [INFO.RUNTIME_ATTRIBUTES, () => lists("RuntimeAttributes", attributeLists, profile)],
    [INFO.ACTIVE_PROFILE, () => (profile === undefined ? undefined : `"ActiveProfile":${profile.json}`)],
    [INFO.AVAILABLE_PROFILES, () => `"AvailableProfiles":[${AVAILABLE_PROFILES.join(",")}]`],
  ];
  const wanted = parts.filter(([flag]) => (flags & flag) !== 0n).map(([, text]) => text());
  return `{${wanted.filter((text) => text !== undefined).join(",")}}`;
}

function lists(name: string, listsOf: (profile: Profile) => FeatureLists, profile: Profile | undefined): string {
  const { implemented, canBeDisabled, enabled, disabled } = listsOf(profile ?? DEFAULT_V2);
  // A least size is no part of its own that could be disabled.
  const parts = implemented.split(",").filter((token) => !/-size=\d+$/.test(token));
  const [has, hasNot] = profile === undefined ? ["", parts.join(",")] : [enabled, disabled];
  return `"${name}":{"Implemented":"${implemented}","CanBeDisabled":"${canBeDisabled}","Enabled":"${has}","Disabled":"${hasNot}"}`;
}

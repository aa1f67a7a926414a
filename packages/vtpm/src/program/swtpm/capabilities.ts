import { AVAILABLE_PROFILES, algorithmLists, commandLists, DEFAULT_V2, type FeatureLists } from "@vtpm/tpm2";
import { SWTPM_VERSION } from "../swtpm-version.ts";
import type { Front } from "./option-table.ts";

export interface CapabilityQuestion {
  readonly front: Front;
  readonly tpm2: boolean;
  /** Whether system calls can be forbidden here. */
  readonly seccomp: boolean;
}

/** `--print-capabilities`: what programs ask before they use this one; in swtpm's order and spelling, blanks included. */
export function capabilities({ front, tpm2, seccomp }: CapabilityQuestion): string {
  const features = [
    "tpm-2.0",
    ...(front === "cuse" ? [] : ["tpm-send-command-header"]),
    "flags-opt-startup",
    "flags-opt-disable-auto-shutdown",
    "ctrl-opt-terminate",
    ...(seccomp ? ["cmdarg-seccomp"] : []),
    "cmdarg-key-fd",
    "cmdarg-pwd-fd",
    "cmdarg-print-states",
    "cmdarg-chroot",
    "cmdarg-migration",
    "nvram-backend-dir",
    "nvram-backend-file",
    ...(tpm2 ? tpm2Features() : []),
    "cmdarg-print-info",
    "tpmstate-opt-lock",
    "tpmstate-dir-backend-opt-backup",
    "tpmstate-dir-backend-opt-fsync",
    "cmdarg-pcap",
    "systemd-notify",
  ];
  const profiles = tpm2 ? tpm2Profiles() : "{ }";
  return `{ "type": "swtpm", "features": ${list(features)}, "profiles": ${profiles}, "version": "${SWTPM_VERSION}" }`;
}

const list = (names: readonly string[]): string => `[ ${names.map((name) => `"${name}"`).join(", ")} ]`;

/** Everything that the TPM implements is in this profile. */
function tpm2Features(): string[] {
  return [
    ...DEFAULT_V2.keySizes.RSA_KEY_BITS.map((bits) => `rsa-keysize-${bits}`),
    "cmdarg-profile",
    "cmdarg-print-profiles",
    "profile-opt-remove-disabled",
  ];
}

function tpm2Profiles(): string {
  const names = AVAILABLE_PROFILES.map((text) => String((JSON.parse(text) as { Name: string }).Name));
  const sets = ({ canBeDisabled, implemented }: FeatureLists): string =>
    `{ "canbedisabled": "${canBeDisabled}", "implemented": "${implemented}" }`;
  const algorithms = sets(algorithmLists(DEFAULT_V2));
  const commands = sets(commandLists(DEFAULT_V2));
  return `{ "names": ${list(names)}, "algorithms": ${algorithms}, "commands": ${commands} }`;
}

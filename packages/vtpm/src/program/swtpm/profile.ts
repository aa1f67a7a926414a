import { getFips } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";
import type { Profile } from "@vtpm/tpm2";
import { systemReason } from "../../host-error.ts";
import { profileOf } from "../profile-option.ts";
import type { SubOptions } from "../sub-options.ts";
import { UsageError } from "../usage-error.ts";
import { OpenError } from "./log.ts";
import type { SUB_OPTIONS } from "./option-table.ts";

/** Bytes of the longest profile that is read. */
const MAX_SIZE = 10 * 1024;

/** What a host in FIPS mode does without. */
const DISABLED_BY_FIPS: readonly string[] = ["camellia", "tdes", "rsaes"];
const FIPS_ATTRIBUTES: readonly string[] = ["no-sha1-signing", "no-sha1-verification", "no-unpadded-encryption"];
const FIPS_MINIMUMS: ReadonlyMap<string, number> = new Map([
  ["rsa", 2048],
  ["ecc", 224],
]);

/** The profile that `--profile` names. Throws a `HostError`. */
export function readProfile(option: SubOptions<typeof SUB_OPTIONS.profile>): Profile {
  const { name, profile: text, file, fd, "remove-disabled": removal } = option;
  const asked = (name ?? text ?? contentOf(file ?? fd ?? -1)).trim();
  try {
    return withoutRemoved(profileOf(asked), removal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`Error: Could not set profile for TPM2: ${error.message}`, { cause: error });
  }
}

/** What is left of a custom profile without what its host does not have, as the option says; no other profile is touched. */
export function withoutRemoved(profile: Profile, removal: string | undefined): Profile {
  const removes = removal === "fips-host" || (removal !== undefined && getFips() === 1);
  return removes && /^custom(:|$)/.test(profile.name) ? withoutDisabled(profile) : profile;
}

function withoutDisabled({ name, lists, description }: Profile): Profile {
  const algorithms = (lists.algorithms ?? "").split(",").flatMap((token) => {
    const [, algorithm = token, bits] = /^(\w+)-min-size=(\d+)$/.exec(token) ?? [];
    if (DISABLED_BY_FIPS.includes(algorithm)) return [];
    const minimum = FIPS_MINIMUMS.get(algorithm);
    return bits === undefined || minimum === undefined
      ? [token]
      : [`${algorithm}-min-size=${Math.max(minimum, Number(bits))}`];
  });
  for (const [algorithm, bits] of FIPS_MINIMUMS) {
    if (!algorithms.some((token) => token.startsWith(`${algorithm}-min-size=`))) {
      algorithms.push(`${algorithm}-min-size=${bits}`);
    }
  }
  const given = (lists.attributes ?? "").split(",").filter((token) => token !== "");
  // "fips-host" stands for all of them.
  const attributes = new Set(given.includes("fips-host") ? given : [...given, ...FIPS_ATTRIBUTES]);
  return profileOf(
    JSON.stringify({
      Name: name,
      Algorithms: algorithms.join(","),
      ...(lists.commands === undefined ? {} : { Commands: lists.commands }),
      Attributes: [...attributes].join(","),
      Description: description,
    }),
  );
}

function contentOf(from: string | number): string {
  const what = typeof from === "string" ? from : `descriptor ${from}`;
  let fd: number | undefined;
  try {
    fd = typeof from === "string" ? openSync(from, constants.O_RDONLY) : from;
    const buffer = new Uint8Array(MAX_SIZE);
    let size = 0;
    for (let read = 1; read > 0 && size < MAX_SIZE; size += read)
      read = readSync(fd, buffer, size, MAX_SIZE - size, null);
    return new TextDecoder().decode(buffer.subarray(0, size));
  } catch (error) {
    throw new OpenError(`Failed to open file ${what}: ${systemReason(error)}`, { cause: error });
  } finally {
    if (fd !== undefined && typeof from === "string") closeSync(fd);
  }
}

import { ProfileError } from "./profile-error.ts";

/** What a profile can forbid or demand beyond the choice of algorithms. */
export type ProfileAttribute =
  | "no-unpadded-encryption"
  | "no-sha1-signing"
  | "no-sha1-verification"
  | "no-sha1-hmac-creation"
  | "no-sha1-hmac-verification"
  | "drbg-continous-test"
  | "pct"
  | "no-ecc-key-derivation";

/** The tokens of "Attributes" in libtpms' order, with what each stands for. The missing letter is libtpms'. */
export const ATTRIBUTES: ReadonlyMap<string, readonly ProfileAttribute[]> = new Map<string, ProfileAttribute[]>([
  ["no-unpadded-encryption", ["no-unpadded-encryption"]],
  ["no-sha1-signing", ["no-sha1-signing"]],
  ["no-sha1-verification", ["no-sha1-verification"]],
  ["no-sha1-hmac-creation", ["no-sha1-hmac-creation"]],
  ["no-sha1-hmac-verification", ["no-sha1-hmac-verification"]],
  ["no-sha1-hmac", ["no-sha1-hmac-creation", "no-sha1-hmac-verification"]],
  ["fips-host", ["no-unpadded-encryption", "no-sha1-signing", "no-sha1-verification"]],
  ["drbg-continous-test", ["drbg-continous-test"]],
  ["pct", ["pct"]],
  ["no-ecc-key-derivation", ["no-ecc-key-derivation"]],
]);

/** The format that a state must have for any attribute. */
const LEVEL = 7;

/** What a list of attributes asks for, and the format it needs. */
export function readAttributes(
  tokens: readonly string[],
  maxLevel: number,
): { readonly attributes: ReadonlySet<ProfileAttribute>; readonly level: number } {
  const attributes = new Set<ProfileAttribute>();
  for (const token of tokens) {
    const meant = ATTRIBUTES.get(token);
    if (meant === undefined) {
      throw new ProfileError(
        "UNKNOWN",
        token,
        `attribute "${token}" is not known; there are ${[...ATTRIBUTES.keys()].join(", ")}`,
      );
    }
    if (LEVEL > maxLevel) throw levelTooLow("attribute", token, LEVEL, maxLevel);
    for (const attribute of meant) attributes.add(attribute);
  }
  return { attributes, level: tokens.length === 0 ? 0 : LEVEL };
}

/** The error of something that is newer than the StateFormatLevel allows. */
export function levelTooLow(kind: string, token: string, level: number, maxLevel: number): ProfileError {
  return new ProfileError(
    "LEVEL",
    token,
    `${kind} ${token} needs "StateFormatLevel":${level}, which is ${maxLevel} here; raise it, leave it out, or leave out ${token}`,
  );
}

import { type Profile, ProfileError, parseProfile } from "@vtpm/tpm2";
import { UsageError } from "./usage-error.ts";

/** `--profile`: a profile by its name, or as libtpms' JSON. */
export function profileOf(text: string): Profile {
  try {
    return parseProfile(text.trimStart().startsWith("{") ? text : JSON.stringify({ Name: text }));
  } catch (error) {
    if (error instanceof ProfileError) throw new UsageError(`--profile: ${error.message}`, { cause: error });
    throw error;
  }
}

import { DEFAULT_V1, type NvState, type Profile } from "@vtpm/tpm2";
import { StoreError } from "../store/store-error.ts";

/** What a TPM that does not exist yet is manufactured as. */
export interface ProfileChoice {
  /** What was asked for; one that exists must be of this profile. */
  readonly asked?: Profile | undefined;
  /** What is taken where nothing was asked for; libtpms' `default-v1` unless given. */
  readonly otherwise?: Profile | undefined;
  /** Whether asking is an error wherever there is a TPM already, even one of that profile. */
  readonly forNewOnly?: boolean | undefined;
}

export function profileOfNew({ asked, otherwise = DEFAULT_V1 }: ProfileChoice): Profile {
  return asked ?? otherwise;
}

/** A profile is for life: what a client has learnt of a TPM must stay true. */
export function checkProfile(location: string, { profile: has }: NvState, { asked, forNewOnly }: ProfileChoice): void {
  if (asked === undefined || (forNewOnly !== true && asked.json === has.json)) return;
  throw new StoreError(
    "STATE_PROFILE",
    `${location} is a TPM of profile ${has.name}, which cannot be changed: ask for that one, or for another directory`,
  );
}

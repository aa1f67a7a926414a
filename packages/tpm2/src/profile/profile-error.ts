/** What is wrong with the text of a profile. */
export type ProfileErrorCode =
  /** Not a flat JSON object of texts and numbers. */
  | "SYNTAX"
  /** A profile of that name is not known. */
  | "NAME"
  /** A profile that cannot be changed is given lists. */
  | "FIXED"
  /** A token or code that no profile has. */
  | "UNKNOWN"
  /** A number or range that cannot be read or is out of bounds. */
  | "VALUE"
  /** Something that every profile must have is missing. */
  | "REQUIRED"
  /** Something that the stateFormatLevel does not allow for. */
  | "LEVEL"
  /** Two settings that contradict each other. */
  | "CONFLICT";

/** A profile cannot be used as it is written; the message says what to write instead. */
export class ProfileError extends Error {
  override readonly name = "ProfileError";
  readonly code: ProfileErrorCode;
  /** The part of the text that is wrong or missing. */
  readonly token: string;

  constructor(code: ProfileErrorCode, token: string, message: string) {
    super(message);
    this.code = code;
    this.token = token;
  }
}

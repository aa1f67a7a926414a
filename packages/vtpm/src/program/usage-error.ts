import { HostError } from "../host-error.ts";

/** The command line cannot be understood. */
export class UsageError extends HostError {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

/** It does not even consist of options: one that there is not, one without its argument, a word too many. */
export class CommandLineError extends UsageError {}

/** It names a user or group that this system does not know. */
export class UnknownNameError extends UsageError {}

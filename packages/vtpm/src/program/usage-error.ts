import { HostError } from "../host-error.ts";

/** The command line cannot be understood. */
export class UsageError extends HostError {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

import { HostError } from "../host-error.ts";
import type { ControlCommandName } from "./commands.ts";

/** A server refused a control command. */
export class ControlResultError extends HostError {
  override readonly name = "ControlResultError";
  readonly code = "CONTROL_RESULT";
  readonly result: number;

  constructor(command: ControlCommandName, result: number) {
    super(`TPM result from PTM_${command}: 0x${result.toString(16)}`);
    this.result = result;
  }
}

/** A control command did not get a complete answer. */
export class ControlChannelError extends HostError {
  override readonly name = "ControlChannelError";
  readonly code = "CONTROL_CHANNEL";

  constructor(command: ControlCommandName, reason: string, options?: ErrorOptions) {
    super(`Could not execute PTM_${command}: ${reason}`, options);
  }
}

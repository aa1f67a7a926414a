import { TPM_SU } from "../host/tpm2-messages.ts";
import { oneOf } from "./subcommand.ts";

const STARTUPS = ["clear", "state", "none"] as const;

/** `--startup`: what is sent to a TPM once it has power; nothing for `none`. */
export function startupOf(value: string | undefined): TPM_SU | undefined {
  switch (oneOf("--startup", STARTUPS, value ?? "clear")) {
    case "clear":
      return TPM_SU.CLEAR;
    case "state":
      return TPM_SU.STATE;
    case "none":
      return undefined;
  }
}

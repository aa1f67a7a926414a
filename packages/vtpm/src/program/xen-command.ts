import { resolve } from "node:path";
import type { TPM_SU } from "../host/tpm2-messages.ts";
import { startupOf } from "./startup-option.ts";
import { nonEmpty, parseOptions } from "./subcommand.ts";
import { XEN_HELP } from "./xen-help.ts";

/** What `vtpm xen` is asked to do. */
export interface XenOptions {
  /** Directory of the TPMs. */
  readonly state: string;
  /** xenstored's socket. */
  readonly xenstore: string;
  /** What is sent to a TPM first; nothing if absent. */
  readonly startup: TPM_SU | undefined;
  /** The text of the profile of new TPMs. */
  readonly profile: string | undefined;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** `vtpm xen` */
export async function run(args: readonly string[]): Promise<void> {
  const values = parseOptions("xen", args, {
    state: { type: "string" },
    xenstore: { type: "string" },
    startup: { type: "string" },
    profile: { type: "string" },
    json: { type: "boolean" },
    verbose: { type: "boolean", short: "v" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help === true) {
    process.stdout.write(XEN_HELP);
    return;
  }
  const options: XenOptions = {
    state: resolve(nonEmpty("--state", values.state ?? "/var/lib/vtpm/xen")),
    xenstore: nonEmpty("--xenstore", values.xenstore ?? "/run/xenstored/socket"),
    startup: startupOf(values.startup),
    profile: values.profile === undefined ? undefined : nonEmpty("--profile", values.profile),
    json: values.json === true,
    verbose: values.verbose === true,
  };
  const { serveXen } = await import("./xen.ts");
  await serveXen(options);
}

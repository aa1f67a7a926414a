import { SERVE_HELP } from "./serve-help.ts";
import { parseServeOptions } from "./serve-options.ts";

/** `vtpm serve` */
export async function run(args: readonly string[]): Promise<void> {
  const options = parseServeOptions(args, process.env);
  if (options.help) {
    process.stdout.write(SERVE_HELP);
    return;
  }
  // Loaded only now: help needs no TPM.
  const { serve } = await import("./serve.ts");
  await serve(options);
}

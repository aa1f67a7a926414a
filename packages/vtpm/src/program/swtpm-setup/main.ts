import { HostError, reasonOf } from "../../host-error.ts";
import { capabilitiesLine } from "../capabilities-line.ts";
import { LogFile } from "../log-file.ts";
import { runProgram } from "../run-program.ts";
import { SWTPM_VERSION } from "../swtpm-version.ts";
import { UsageError } from "../usage-error.ts";
import { SetupOptions, setupHelp } from "./options.ts";

const FEATURES = [
  "tpm-2.0",
  "cmdarg-keyfile-fd",
  "cmdarg-pwdfile-fd",
  "cmdarg-write-ek-cert-files",
  "cmdarg-create-config-files",
  "cmdarg-reconfigure-pcr-banks",
  "tpm2-rsa-keysize-2048",
  "tpm2-rsa-keysize-3072",
  "tpm2-rsa-keysize-4096",
  "cmdarg-profile",
  "cmdarg-profile-remove-disabled",
  "cmdarg-ek1keyalgo",
  "cmdarg-ek2keyalgo",
  "cmdarg-iakkeyalgo",
  "cmdarg-idevidkeyalgo",
];

/** The program swtpm_setup. */
export function main(args: readonly string[]): Promise<void> {
  return runProgram("swtpm_setup", () => run(new SetupOptions(args)));
}

async function run(options: SetupOptions): Promise<void> {
  if (options.has("help")) return print(setupHelp());
  if (options.has("version")) return print(`TPM emulator setup tool version ${SWTPM_VERSION}\n`);
  if (options.has("print-capabilities")) {
    const { BUILT_IN } = await import("./profiles.ts");
    return print(
      capabilitiesLine({ type: "swtpm_setup", features: FEATURES, profiles: BUILT_IN, version: SWTPM_VERSION }),
    );
  }
  if (options.has("print-profiles")) {
    if (!options.has("tpm2")) return print("{}\n");
    const { printedProfiles } = await import("./profiles.ts");
    const { readSettings } = await import("./settings.ts");
    return print(`${await printedProfiles((await readSettings(options, process.env)).localProfiles)}\n`);
  }
  if (options.has("create-config-files")) {
    const { createConfigFiles } = await import("./create-config-files.ts");
    return createConfigFiles(options.text("create-config-files") ?? "", process.env);
  }
  options.check();
  const user = options.text("runas");
  if (user !== undefined) {
    const { becomeUser, userOf } = await import("../user.ts");
    try {
      becomeUser(userOf(user));
    } catch (error) {
      if (error instanceof HostError) throw error;
      throw new UsageError(`--runas ${user}: cannot become that user: ${reasonOf(error)}`, { cause: error });
    }
  }
  const log = await LogFile.open(options.text("logfile"));
  try {
    const { setUp } = await import("./setup.ts");
    await setUp(options, log);
  } catch (error) {
    if (error instanceof HostError && options.has("logfile")) await log.fault(error.message);
    if (error instanceof HostError) await log.fault("An error occurred. Authoring the TPM state failed.");
    throw error;
  } finally {
    await log.close();
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

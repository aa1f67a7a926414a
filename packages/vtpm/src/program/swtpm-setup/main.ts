import { HostError, reasonOf } from "../../host-error.ts";
import { capabilitiesLine } from "../capabilities-line.ts";
import { LogFile } from "../log-file.ts";
import { runProgram } from "../run-program.ts";
import { SWTPM_VERSION } from "../swtpm-version.ts";
import { UsageError } from "../usage-error.ts";
import { SetupOptions, setupHelp } from "./options.ts";

const featuresWith = (rsaKeySizes: readonly number[]): readonly string[] => [
  "tpm-2.0",
  "cmdarg-keyfile-fd",
  "cmdarg-pwdfile-fd",
  "cmdarg-write-ek-cert-files",
  "cmdarg-create-config-files",
  "cmdarg-reconfigure-pcr-banks",
  ...rsaKeySizes.filter((bits) => bits >= 2048).map((bits) => `tpm2-rsa-keysize-${bits}`),
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
    const { rsaKeySizes, profileNames } = await tpmOf(options);
    const features = featuresWith(rsaKeySizes);
    return print(capabilitiesLine({ type: "swtpm_setup", features, profiles: profileNames, version: SWTPM_VERSION }));
  }
  if (options.has("print-profiles")) {
    if (!options.has("tpm2")) return print("{}\n");
    const { printedProfiles } = await import("./profiles.ts");
    const { readSettings } = await import("./settings.ts");
    const { localProfiles } = await readSettings(options, process.env);
    const { builtInProfiles } = await tpmOf(options);
    return print(`${await printedProfiles(localProfiles, await builtInProfiles())}\n`);
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
  let begun = false;
  try {
    const { setUp } = await import("./setup.ts");
    await setUp(options, log, () => {
      begun = true;
    });
  } catch (error) {
    if (error instanceof HostError && options.has("logfile")) await log.fault(error.message);
    if (error instanceof HostError && begun) await log.fault("An error occurred. Authoring the TPM state failed.");
    throw error;
  } finally {
    await log.close();
  }
}

/** What the TPM of this process can be, or that of the program that `--tpm` names. */
async function tpmOf(options: SetupOptions): Promise<{
  readonly rsaKeySizes: readonly number[];
  readonly profileNames: readonly string[];
  builtInProfiles(): Promise<readonly unknown[]>;
}> {
  const commandLine = options.text("tpm");
  if (commandLine !== undefined) {
    const { TpmProgram } = await import("./tpm-program.ts");
    const program = await TpmProgram.open(commandLine);
    const { rsaKeySizes, profileNames } = program;
    return { rsaKeySizes, profileNames, builtInProfiles: () => program.builtInProfiles() };
  }
  const { BUILT_IN } = await import("./profiles.ts");
  const { AVAILABLE_PROFILES, DEFAULT_V2 } = await import("@vtpm/tpm2");
  return {
    rsaKeySizes: DEFAULT_V2.keySizes.RSA_KEY_BITS,
    profileNames: BUILT_IN,
    builtInProfiles: async () => AVAILABLE_PROFILES.map((text): unknown => JSON.parse(text)),
  };
}

function print(text: string): void {
  process.stdout.write(text);
}

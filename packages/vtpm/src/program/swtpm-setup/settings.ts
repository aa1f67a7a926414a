import type { KeyAlgorithm } from "../../manufacture/key-algorithm.ts";
import { ConfigFile, findConfigFile } from "../config-file.ts";
import { UsageError } from "../usage-error.ts";
import { algorithmOf, banksIn, type SetupOption, type SetupOptions } from "./options.ts";

/** What the configuration says, with what holds where it says nothing. */
export interface SetupSettings {
  /** The file, if there is one. */
  readonly config: ConfigFile | undefined;
  /** The certificate tool and its files; this project's own if absent. */
  readonly tool: string | undefined;
  readonly toolConfig: string | undefined;
  readonly toolOptions: string | undefined;
  readonly pcrBanks: readonly string[];
  readonly profile: string | undefined;
  readonly profileFile: string | undefined;
  readonly localProfiles: string;
}

const CONFIG = "swtpm_setup.conf";
const LOCAL_PROFILES = "/etc/swtpm/profiles/";

export async function readSettings(options: SetupOptions, environment: NodeJS.ProcessEnv): Promise<SetupSettings> {
  const path = options.text("config") ?? (await findConfigFile(CONFIG, environment));
  const config = path === undefined ? undefined : await ConfigFile.read(path, "the configuration", environment);
  return {
    config,
    tool: config?.get("create_certs_tool"),
    toolConfig: config?.get("create_certs_tool_config"),
    toolOptions: config?.get("create_certs_tool_options"),
    pcrBanks: banksIn(config?.get("active_pcr_banks") ?? "sha256"),
    profile: config?.get("profile"),
    profileFile: config?.get("profile_file"),
    localProfiles: config?.get("local_profiles_dir") ?? LOCAL_PROFILES,
  };
}

/** The algorithm of a key: by option, else by setting. */
export function algorithmSetting(
  options: SetupOptions,
  { config }: SetupSettings,
  name: SetupOption,
): KeyAlgorithm | undefined {
  const given = options.text(name);
  if (given !== undefined) return algorithmOf(`--${name}`, given);
  const set = config?.get(name);
  return set === undefined || set === "none" ? undefined : algorithmOf(`${config?.path}: ${name}`, set);
}

/** The endorsement keys: two, or one if both would be the same. */
export function endorsementKeys(
  options: SetupOptions,
  settings: SetupSettings,
  rsaKeySizes: readonly number[],
): readonly KeyAlgorithm[] {
  const size = options.text("rsa-keysize") ?? settings.config?.get("rsa_keysize");
  const first = algorithmSetting(options, settings, "ek1keyalgo") ?? rsaAlgorithm(size ?? "2048", rsaKeySizes);
  const second = algorithmSetting(options, settings, "ek2keyalgo") ?? "secp384r1";
  return first === second ? [first] : [first, second];
}

function rsaAlgorithm(size: string, sizes: readonly number[]): KeyAlgorithm {
  const bits = size === "max" ? Math.max(...sizes) : Number(size);
  switch (bits) {
    case 2048:
      return "rsa2048";
    case 3072:
      return "rsa3072";
    case 4096:
      return "rsa4096";
    default:
      throw new UsageError(`--rsa-keysize takes 2048, 3072, 4096 or max, not ${JSON.stringify(size)}`);
  }
}

import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { KeyError, type KeySize, stateKey } from "@vtpm/state";
import { DEFAULT_V2, NULL_PROFILE, ProfileError, parseProfile } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import { FileError, putFile, readInput, why } from "../../files.ts";
import { makeTpm, openMadeTpm, type TpmInTheMaking, type TpmPlace } from "../../manufacture/in-process-tpm.ts";
import { type Made, type ManufacturePlan, manufacture } from "../../manufacture/manufacture.ts";
import { hasState, removeState } from "../../manufacture/state-files.ts";
import { NodePlatform } from "../../platform/node-platform.ts";
import { INFO } from "../../server/tpm-info.ts";
import type { LogFile } from "../log-file.ts";
import { locationText } from "../state-location.ts";
import { oneOf } from "../subcommand.ts";
import { withoutRemoved } from "../swtpm/profile.ts";
import { attributesOf } from "../tpm-attributes.ts";
import { UsageError } from "../usage-error.ts";
import { userAndGroup } from "../user.ts";
import { type Certified, certifier } from "./certifier.ts";
import type { SetupOption, SetupOptions } from "./options.ts";
import { type ChosenProfile, chosenProfile, readDescriptor } from "./profiles.ts";
import { algorithmSetting, endorsementKeys, readSettings, type SetupSettings } from "./settings.ts";
import { type KeyForProgram, TpmProgram } from "./tpm-program.ts";

const STATE_MODE = 0o640;
const CERTIFICATE_MODE = 0o640;
const KEY_SIZES: Readonly<Record<string, KeySize>> = { "aes-cbc": 16, "aes-128-cbc": 16, "aes-256-cbc": 32 };
/** The option, what its file holds, and what is said of it; the first that was given counts. */
const KEY_SOURCES: readonly (readonly [SetupOption, "file" | "fd", "hex" | "pbkdf2", string])[] = [
  ["keyfile", "file", "hex", "with a provided key"],
  ["pwdfile", "file", "pbkdf2", "using a key derived from a passphrase"],
  ["keyfile-fd", "fd", "hex", "with a provided key (fd)"],
  ["pwdfile-fd", "fd", "pbkdf2", "using a key derived from a passphrase (fd)"],
];

/** Makes a TPM, or sets one that exists up anew. `begins` is called before anything is changed. */
export async function setUp(options: SetupOptions, log: LogFile, begins: () => void): Promise<void> {
  const { location } = options;
  const reconfigure = options.has("reconfigure");
  // Before all else: whoever starts a machine again says the same again, and files of the first time may be gone.
  if (!reconfigure && (await hasState(location))) {
    if (options.has("not-overwrite")) {
      await log.note("Not overwriting existing state file.");
      return;
    }
    if (!options.has("overwrite")) {
      throw new UsageError(
        `Found existing TPM state 'permall' in ${locationText(location)}: give --overwrite to replace it, or --not-overwrite to leave it.`,
      );
    }
  }
  const settings = await readSettings(options, process.env);
  const key = await readKey(options);
  const profile = reconfigure ? undefined : await chosenProfile(options, settings);
  const program = options.text("tpm") === undefined ? undefined : await TpmProgram.open(options.text("tpm") ?? "");
  const plan = planOf(options, settings, program?.rsaKeySizes ?? DEFAULT_V2.keySizes.RSA_KEY_BITS);
  const certificates = await prepareCertificates(options);
  if (key !== undefined) await log.note(`  The TPM's state will be encrypted ${key.how}.`);
  const what = reconfigure ? "reconfiguration" : "manufacturing";
  await log.note(`Starting vTPM ${what} as ${userAndGroup()} @ ${new Date().toUTCString()}`);
  begins();
  if (!reconfigure) await removeState(location);
  const place: TpmPlace = { ...location, key: key?.key, mode: STATE_MODE };
  const tpm = await (program === undefined
    ? reconfigure
      ? openMadeTpm(place)
      : makeTpm(place, profileOf(profile, removalIn(options)))
    : startProgram(program, options, key?.forProgram, profile, log));
  try {
    await fill(tpm, plan, { options, settings, log, certificates });
    await tpm.finish();
  } catch (error) {
    await tpm.abandon();
    if (!reconfigure) await removeState(location);
    throw error;
  }
  await log.note("Successfully authored TPM state.");
  await log.note(`Ending vTPM manufacturing @ ${new Date().toUTCString()}`);
}

interface Surroundings {
  readonly options: SetupOptions;
  readonly settings: SetupSettings;
  readonly log: LogFile;
  readonly certificates: string | undefined;
}

async function fill(
  tpm: TpmInTheMaking,
  plan: ManufacturePlan,
  { options, settings, log, certificates }: Surroundings,
): Promise<void> {
  const certifies =
    plan.ekCertificates || plan.platformCertificate || plan.iak !== undefined || plan.idevid !== undefined;
  let certified: Promise<Certified> | undefined;
  const say = (line: string): Promise<void> => log.note(line);
  const certify = certifies
    ? await certifier(settings, () => (certified ??= certifiedOf(tpm, options)), say)
    : () => Promise.reject(new RangeError("nothing was to be certified"));
  if (!options.has("reconfigure")) {
    const active = await tpm.info(INFO.ACTIVE_PROFILE);
    const text = /^\{"ActiveProfile":(.*)\}$/s.exec(active)?.[1];
    if (text !== undefined) await log.note(`Active profile: ${text}`);
  }
  await manufacture(tpm.client, plan, {
    certify,
    async made(what) {
      for (const line of linesOf(what)) await log.note(line);
      if (what.kind !== "certificate" || certificates === undefined || what.type === "platform") return;
      const path = join(certificates, `${what.type}-${what.algorithm}.crt`);
      await putFile(path, "the certificate", what.certificate, CERTIFICATE_MODE);
    },
  });
}

function linesOf(made: Made): readonly string[] {
  switch (made.kind) {
    case "key":
      return [`Successfully created ${made.label} with handle 0x${made.handle.toString(16)}.`];
    case "nv":
      return [`Successfully created NVRAM area 0x${made.index.toString(16)} for ${made.label}.`];
    case "pcrBanks":
      return [
        ...made.lacking.map((bank) => `The TPM has no PCR bank ${bank}: it is left out.`),
        `Successfully activated PCR banks ${made.active.join(",")} among ${made.all.join(",")}.`,
      ];
    case "certificate":
      return [];
  }
}

async function certifiedOf(tpm: TpmInTheMaking, options: SetupOptions): Promise<Certified> {
  return {
    vmid: options.text("vmid"),
    allowSigning: options.has("allow-signing"),
    decryption: options.has("decryption"),
    logfile: options.text("logfile"),
    attributes: attributesOf(await tpm.info(INFO.SPECIFICATION | INFO.ATTRIBUTES)),
  };
}

function planOf(options: SetupOptions, settings: SetupSettings, rsaKeySizes: readonly number[]): ManufacturePlan {
  const ekCertificates = options.has("create-ek-cert");
  const platformCertificate = options.has("create-platform-cert");
  const createsEk = options.has("createek") || ekCertificates || platformCertificate;
  const reconfigure = options.has("reconfigure");
  const identity = (name: "iakkeyalgo" | "idevidkeyalgo") =>
    reconfigure || !ekCertificates ? undefined : algorithmSetting(options, settings, name);
  for (const name of ["iakkeyalgo", "idevidkeyalgo"] as const) {
    if (options.has(name) && !ekCertificates) throw new UsageError(`--${name} needs --create-ek-cert`);
  }
  const pcrBanks = options.pcrBanks.length > 0 ? options.pcrBanks : settings.pcrBanks;
  const createsSpk = options.has("create-spk") && !reconfigure;
  const keys = endorsementKeys(options, settings, rsaKeySizes);
  return {
    storageKey: createsSpk ? (options.has("ecc") ? "secp384r1" : "rsa3072") : undefined,
    endorsementKeys: createsEk ? keys : [],
    allowSigning: options.has("allow-signing"),
    decryption: options.has("decryption"),
    ekCertificates,
    platformCertificate,
    iak: identity("iakkeyalgo"),
    idevid: identity("idevidkeyalgo"),
    pcrBanks: pcrBanks.join() === "-" ? undefined : pcrBanks,
    leaveOutPcrBanks: true,
    lockNv: options.has("lock-nvram"),
  };
}

const removalIn = (options: SetupOptions): string | undefined => {
  const removal = options.text("profile-remove-disabled");
  return removal === undefined ? undefined : oneOf("--profile-remove-disabled", ["check", "fips-host"], removal);
};

/** Without a profile a TPM is what it was before there were any. */
function profileOf(chosen: ChosenProfile | undefined, removal: string | undefined) {
  if (chosen === undefined) return NULL_PROFILE;
  try {
    return withoutRemoved(parseProfile(chosen.json), removal);
  } catch (error) {
    if (error instanceof ProfileError)
      throw new UsageError(`the profile cannot be had: ${error.message}`, { cause: error });
    throw error;
  }
}

async function startProgram(
  program: TpmProgram,
  options: SetupOptions,
  key: KeyForProgram | undefined,
  profile: ChosenProfile | undefined,
  log: LogFile,
): Promise<TpmInTheMaking> {
  let wanted = profile;
  if (profile !== undefined && !program.hasProfiles) {
    const what = `${options.text("tpm")} has no profiles, as swtpm before 0.10`;
    if (profile.byOption) throw new UsageError(`${what}: leave the profile away, or take a newer one`);
    await log.note(`${what}: the profile of the configuration is left away.`);
    wanted = undefined;
  }
  const removeDisabled = removalIn(options);
  return program.start(options.location, { key, profile: wanted, removeDisabled, logfile: options.text("logfile") });
}

interface StateKey {
  readonly key: Bytes;
  readonly how: string;
  readonly forProgram: KeyForProgram;
}

async function readKey(options: SetupOptions): Promise<StateKey | undefined> {
  const cipher = options.text("cipher") ?? "aes-128-cbc";
  const size = KEY_SIZES[cipher];
  if (size === undefined)
    throw new UsageError(`--cipher takes ${Object.keys(KEY_SIZES).join(", ")}, not ${JSON.stringify(cipher)}`);
  for (const [option, kind, form, how] of KEY_SOURCES) {
    if (!options.has(option)) continue;
    const content =
      kind === "file"
        ? await readInput(options.text(option) ?? "", "the key of the state")
        : readDescriptor(`--${option}`, options.descriptor(option) ?? -1);
    try {
      const key = stateKey(new Uint8Array(content), form, size, new NodePlatform().crypto);
      return { key, how, forProgram: { content, option: form === "hex" ? "fd" : "pwdfd", cipher } };
    } catch (error) {
      if (error instanceof KeyError) throw new UsageError(`--${option}: ${error.message}`, { cause: error });
      throw error;
    }
  }
  return undefined;
}

/** The directory of `--write-ek-cert-files`. */
async function prepareCertificates(options: SetupOptions): Promise<string | undefined> {
  const directory = options.text("write-ek-cert-files");
  if (directory === undefined) return undefined;
  // It is looked at now, not when keys have been made.
  try {
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new FileError("FILE_WRITE", `cannot write certificates to ${directory}: ${why(error, directory)}`, {
      cause: error,
    });
  }
  return directory;
}

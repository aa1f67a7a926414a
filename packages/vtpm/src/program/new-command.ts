import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DEFAULT_V1, type Profile } from "@vtpm/tpm2";
import { FileError, why } from "../files.ts";
import { LocalCa, type LocalCaPlace, rootPaths } from "../local-ca/local-ca.ts";
import { makeTpm } from "../manufacture/in-process-tpm.ts";
import { keyWords, type Made, manufacture } from "../manufacture/manufacture.ts";
import { PRESETS, type Preset } from "../manufacture/presets.ts";
import { hasState, removeState } from "../manufacture/state-files.ts";
import { INFO } from "../server/tpm-info.ts";
import { defaultCaDirectory, defaultStateDirectory } from "./default-directories.ts";
import { NEW_HELP } from "./new-help.ts";
import { profileOf } from "./profile-option.ts";
import { locationText, type StateLocation, stateLocation } from "./state-location.ts";
import { nonEmpty, oneOf, parseOptions } from "./subcommand.ts";
import { certifyLocally } from "./swtpm-localca/certify-locally.ts";
import { attributesOf } from "./tpm-attributes.ts";
import { UsageError } from "./usage-error.ts";

/** What a platform is called whose maker has not said. */
const PLATFORM = ["--platform-manufacturer", "vtpm", "--platform-model", "vtpm", "--platform-version", "1"];
const PRESET_NAMES = Object.keys(PRESETS) as Preset[]; // the keys of a constant

/** `vtpm new` */
export async function run(args: readonly string[]): Promise<void> {
  const values = parseOptions("new", args, {
    state: { type: "string" },
    overwrite: { type: "boolean" },
    preset: { type: "string" },
    profile: { type: "string" },
    "pcr-banks": { type: "string" },
    name: { type: "string" },
    ca: { type: "string" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help === true) {
    process.stdout.write(NEW_HELP);
    return;
  }
  const preset = oneOf("--preset", PRESET_NAMES, values.preset ?? "qemu");
  const banks = values["pcr-banks"];
  await create({
    location: stateLocation("--state", values.state ?? defaultStateDirectory(process.env)),
    overwrite: values.overwrite === true,
    preset,
    profile: values.profile === undefined ? DEFAULT_V1 : profileOf(nonEmpty("--profile", values.profile)),
    pcrBanks: banks === undefined ? undefined : nonEmpty("--pcr-banks", banks).split(","),
    name: values.name,
    ca: resolve(nonEmpty("--ca", values.ca ?? defaultCaDirectory(process.env))),
    json: values.json === true,
  });
}

interface NewOptions {
  readonly location: StateLocation;
  readonly overwrite: boolean;
  readonly preset: Preset;
  readonly profile: Profile;
  readonly pcrBanks: readonly string[] | undefined;
  readonly name: string | undefined;
  readonly ca: string;
  readonly json: boolean;
}

async function create(options: NewOptions): Promise<void> {
  const { location, preset, profile, pcrBanks, json } = options;
  const where = locationText(location);
  const say = (line: string): void => {
    if (!json) process.stdout.write(`${line}\n`);
  };
  await makeDirectory(location.directory, "--state");
  if (await hasState(location)) {
    if (!options.overwrite) {
      throw new UsageError(`there is a TPM in ${where} already: give --overwrite to replace it, or another --state`);
    }
    await removeState(location);
  }
  const layout = { allowSigning: false, decryption: false, lockNv: true, ...PRESETS[preset] };
  const place = caPlace(options.ca);
  const opening = layout.ekCertificates ? openCa(options.ca, place) : undefined;
  opening?.catch(() => {}); // whoever needs a certificate is told
  const tpm = await makeTpm(location, profile);
  const made: Made[] = [];
  try {
    say(`Making a TPM 2.0 (${preset}, profile ${profile.name}) in ${where}`);
    const attributes = attributesOf(await tpm.info(INFO.SPECIFICATION | INFO.ATTRIBUTES));
    await manufacture(tpm.client, pcrBanks === undefined ? layout : { ...layout, pcrBanks }, {
      async certify({ type, algorithm, key }) {
        const ca = await opening;
        if (ca === undefined) throw new RangeError("nothing was to be certified");
        const request = { type, key: keyWords(algorithm, key), vmid: options.name, attributes };
        return certifyLocally(ca, PLATFORM, { ...request, tpm2: true, allowSigning: false, decryption: false });
      },
      made(what) {
        made.push(what);
        const line = lineOf(what);
        if (line !== undefined) say(line);
      },
    });
    await tpm.finish();
  } catch (error) {
    await tpm.abandon();
    throw error;
  }
  const ca = await opening;
  if (json) process.stdout.write(`${JSON.stringify(summary(options, where, made, ca))}\n`);
  else process.stdout.write(ending(where, ca));
}

function openCa(directory: string, place: LocalCaPlace): Promise<LocalCa> {
  return makeDirectory(directory, "--ca").then(() => LocalCa.open(place));
}

/** The files of a CA in a directory, as swtpm's configuration names them. */
export function caPlace(directory: string): LocalCaPlace {
  return {
    stateDirectory: directory,
    signingKey: join(directory, "signkey.pem"),
    issuerCertificate: join(directory, "issuercert.pem"),
    serial: join(directory, "certserial"),
  };
}

function lineOf(made: Made): string | undefined {
  switch (made.kind) {
    case "key":
      return `  0x${made.handle.toString(16)}  ${made.label}`;
    case "nv":
      return `  0x${made.index.toString(16).padStart(8, "0")}  ${made.label}`;
    case "pcrBanks":
      return `  PCR banks   ${made.active.join(", ")}`;
    case "certificate":
      return undefined;
  }
}

function ending(where: string, ca: LocalCa | undefined): string {
  const lines = ["It is ready. To serve it:", `  vtpm serve --state ${where}`];
  if (ca !== undefined) {
    lines.push(
      `Its certificates are signed by the CA in ${ca.place.stateDirectory}${ca.created ? ", which was made now" : ""}:`,
      `  root          ${rootPaths(ca.place).certificate}`,
      `  intermediate  ${ca.place.issuerCertificate}`,
      "To get them out of the TPM:",
      `  vtpm cert export --state ${where}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function summary(
  { preset, profile }: NewOptions,
  state: string,
  made: readonly Made[],
  ca: LocalCa | undefined,
): object {
  return {
    state,
    preset,
    profile: profile.name,
    keys: made.flatMap((each) => (each.kind === "key" ? [{ handle: each.handle, label: each.label }] : [])),
    nv: made.flatMap((each) => (each.kind === "nv" ? [{ index: each.index, label: each.label }] : [])),
    pcrBanks: made.flatMap((each) => (each.kind === "pcrBanks" ? each.active : [])),
    ...(ca && {
      ca: {
        directory: ca.place.stateDirectory,
        root: rootPaths(ca.place).certificate,
        intermediate: ca.place.issuerCertificate,
        created: ca.created,
      },
    }),
  };
}

async function makeDirectory(directory: string | undefined, option: "--state" | "--ca"): Promise<void> {
  if (directory === undefined) return;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new FileError(
      "FILE_WRITE",
      `cannot make ${directory}: ${why(error, directory)}; ${option} names another place`,
      { cause: error },
    );
  }
}

import { join } from "node:path";
import { withNvHeader } from "../../certificate/nv-header.ts";
import type { CertificateType } from "../../certificate/tpm-certificate.ts";
import { putFile } from "../../files.ts";
import { HostError } from "../../host-error.ts";
import { LocalCa } from "../../local-ca/local-ca.ts";
import { findConfigFile } from "../config-file.ts";
import { getopt, type OptionDeclaration } from "../getopt.ts";
import { LogFile } from "../log-file.ts";
import { runProgram } from "../run-program.ts";
import { UsageError } from "../usage-error.ts";
import { certifyLocally, type LocalRequest, madeCertificate, readCaPlace, readCertWords } from "./certify-locally.ts";

const argument = "required";

const ATTRIBUTES = [
  "tpm-spec-family",
  "tpm-spec-level",
  "tpm-spec-revision",
  "tpm-manufacturer",
  "tpm-model",
  "tpm-version",
  "tpm-serial-num",
] as const;

const DECLARATIONS = [
  { name: "type", argument },
  { name: "ek", argument },
  { name: "key", argument },
  { name: "dir", argument },
  { name: "vmid", argument },
  { name: "logfile", argument },
  { name: "configfile", argument },
  { name: "optsfile", argument },
  ...ATTRIBUTES.map((name) => ({ name, argument }) as const),
  { name: "tpm2" },
  { name: "allow-signing" },
  { name: "decryption" },
  { name: "help", short: "h" },
] as const satisfies readonly OptionDeclaration[];

const HELP = `swtpm_localca - have a local CA certify a key of a TPM

Usage: swtpm_localca [options]

  --type ek|platform|iak|idevid   what kind of certificate (default ek)
  --ek KEY, --key KEY             the key: its modulus in hexadecimal, or x=HEX,y=HEX,id=CURVE
  --dir DIR                       where the certificate goes, as TYPE.cert (default: the current directory)
  --vmid ID                       whose TPM it is
  --tpm2                          the TPM is a TPM 2.0
  --allow-signing, --decryption   what the key can do
  --tpm-spec-family, --tpm-spec-level, --tpm-spec-revision, --tpm-manufacturer, --tpm-model, --tpm-version,
  --tpm-serial-num TEXT           what the certificate says of the TPM
  --configfile FILE               where the CA is (default: swtpm-localca.conf of the user, or in /etc)
  --optsfile FILE                 further options of swtpm_cert (default: swtpm-localca.options)
  --logfile FILE                  is added to, instead of printing
  --help

The CA is made when it is first used: a root, and below it the key that certifies TPMs.
`;

/** The program swtpm_localca. */
export function main(args: readonly string[]): Promise<void> {
  return runProgram("swtpm_localca", () => run(args));
}

async function run(args: readonly string[]): Promise<void> {
  const { options } = getopt(args, DECLARATIONS);
  const given = new Map<string, string>(options.map(({ name, value }) => [name, value ?? ""]));
  if (given.has("help")) {
    process.stdout.write(HELP);
    return;
  }
  const log = await LogFile.open(given.get("logfile"));
  try {
    await certify(given, log);
  } catch (error) {
    // With a log file the message goes there, too: whoever started us looks there.
    if (error instanceof HostError && given.has("logfile")) await log.fault(`swtpm_localca: ${error.message}`);
    throw error;
  } finally {
    await log.close();
  }
}

async function certify(given: ReadonlyMap<string, string>, log: LogFile): Promise<void> {
  const request = requestIn(given);
  const ca = await LocalCa.open(
    await readCaPlace(await fileOf(given, "configfile", "swtpm-localca.conf"), process.env),
  );
  if (ca.created) await log.note("Creating root CA and a local CA's signing key and issuer cert.");
  const words = await readCertWords(await fileOf(given, "optsfile", "swtpm-localca.options"));
  const certificate = await certifyLocally(ca, words, request);
  const path = join(given.get("dir") ?? ".", `${request.type}.cert`);
  await putFile(path, "the certificate", request.tpm2 ? certificate : withNvHeader(certificate), 0o600);
  await log.note(madeCertificate(request.type));
}

function requestIn(given: ReadonlyMap<string, string>): LocalRequest {
  const key = given.get("key") ?? given.get("ek");
  if (key === undefined || key === "") throw new UsageError("a certificate needs a key: give --ek or --key");
  const attributes: Record<string, string> = {};
  for (const name of ATTRIBUTES) {
    const value = given.get(name);
    if (value !== undefined) attributes[name] = value;
  }
  return {
    type: typeOf(given.get("type") ?? "ek"),
    key,
    vmid: given.get("vmid"),
    tpm2: given.has("tpm2"),
    allowSigning: given.has("allow-signing"),
    decryption: given.has("decryption"),
    attributes,
  };
}

function typeOf(text: string): CertificateType {
  if (text === "ek" || text === "platform" || text === "iak" || text === "idevid") return text;
  throw new UsageError(`--type takes ek, platform, iak or idevid, not ${JSON.stringify(text)}`);
}

async function fileOf(given: ReadonlyMap<string, string>, option: string, name: string): Promise<string> {
  const path = given.get(option) ?? (await findConfigFile(name, process.env));
  if (path !== undefined) return path;
  throw new UsageError(
    `there is no ${name} in the user's configuration or in /etc: "swtpm_setup --create-config-files" makes one, or name one with --${option}`,
  );
}

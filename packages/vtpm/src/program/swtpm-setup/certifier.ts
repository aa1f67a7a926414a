import { spawn } from "node:child_process";
import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bytes } from "@vtpm/wire";
import { reasonOf } from "../../host-error.ts";
import { LocalCa } from "../../local-ca/local-ca.ts";
import { type CertificationRequest, keyWords } from "../../manufacture/manufacture.ts";
import { ManufactureError } from "../../manufacture/manufacture-error.ts";
import { findConfigFile } from "../config-file.ts";
import { certifyLocally, madeCertificate, readCaPlace, readCertWords } from "../swtpm-localca/certify-locally.ts";
import { UsageError } from "../usage-error.ts";
import type { SetupSettings } from "./settings.ts";

/** What all certificates of one TPM say, and the tool is told. */
export interface Certified {
  readonly vmid: string | undefined;
  readonly allowSigning: boolean;
  readonly decryption: boolean;
  readonly logfile: string | undefined;
  /** `tpm-manufacturer` and so on. */
  readonly attributes: Readonly<Record<string, string>>;
}

export type Certify = (request: CertificationRequest) => Promise<Bytes>;

const LOCAL_CA = "swtpm_localca";

/** Certifies by this project's own local CA in this process, or by the tool that the configuration names. */
export async function certifier(
  settings: SetupSettings,
  certified: () => Promise<Certified>,
  say: (line: string) => Promise<void>,
): Promise<Certify> {
  const { tool } = settings;
  if (tool !== undefined && !(await isOurs(tool))) return (request) => runTool(tool, settings, request, certified, say);
  const place = await readCaPlace(await fileOf(settings.toolConfig, "swtpm-localca.conf"), process.env);
  const words = await readCertWords(await fileOf(settings.toolOptions, "swtpm-localca.options"));
  // It may take as long as making the first key does: both at once.
  const opening = LocalCa.open(place);
  opening.catch(() => {}); // whoever needs a certificate is told
  let isNew = true;
  return async ({ type, algorithm, key, serialNumber }) => {
    const ca = await opening;
    if (isNew && ca.created) await say(`${LOCAL_CA}: Creating root CA and a local CA's signing key and issuer cert.`);
    isNew = false;
    const { attributes, ...rest } = await certified();
    const more = serialNumber === undefined ? {} : { "tpm-serial-num": serialNumber };
    const request = {
      ...rest,
      type,
      key: keyWords(algorithm, key),
      tpm2: true,
      attributes: { ...attributes, ...more },
    };
    const certificate = await certifyLocally(ca, words, request);
    await say(`${LOCAL_CA}: ${madeCertificate(type)}`);
    return certificate;
  };
}

/** Whether a tool is the one of this project: by its name alone, or by its file. */
async function isOurs(tool: string): Promise<boolean> {
  if (tool === LOCAL_CA) return true;
  try {
    const own = fileURLToPath(new URL(`../../bin/${LOCAL_CA}.cjs`, import.meta.url));
    return (await realpath(tool)) === (await realpath(own));
  } catch {
    return false; // one that is not there is reported when it is run
  }
}

async function fileOf(configured: string | undefined, name: string): Promise<string> {
  const path = configured ?? (await findConfigFile(name, process.env));
  if (path !== undefined) return path;
  throw new UsageError(
    `there is no ${name} in the user's configuration or in /etc: "swtpm_setup --create-config-files" makes one`,
  );
}

async function runTool(
  tool: string,
  settings: SetupSettings,
  { type, algorithm, key, serialNumber }: CertificationRequest,
  certified: () => Promise<Certified>,
  say: (line: string) => Promise<void>,
): Promise<Bytes> {
  const { vmid, allowSigning, decryption, logfile, attributes } = await certified();
  const option = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);
  const directory = await mkdtemp(join(tmpdir(), "swtpm_setup.certs."));
  const args = [
    ...["--type", type, type === "ek" || type === "platform" ? "--ek" : "--key", keyWords(algorithm, key)],
    ...["--dir", directory],
    ...(allowSigning ? ["--allow-signing"] : []),
    ...(allowSigning && decryption ? ["--decryption"] : []),
    ...option("--logfile", logfile),
    ...option("--vmid", vmid),
    ...Object.entries(attributes).flatMap(([name, value]) => [`--${name}`, value]),
    "--tpm2",
    ...option("--configfile", settings.toolConfig),
    ...option("--optsfile", settings.toolOptions),
    ...option("--tpm-serial-num", serialNumber),
  ];
  try {
    await say(`  Invoking ${tool} ${args.join(" ")}`);
    const { ending, stdout, stderr } = await run(tool, args);
    const name = tool.slice(tool.lastIndexOf("/") + 1);
    for (const line of stdout.split("\n").filter((each) => each !== "")) await say(`${name}: ${line}`);
    if (ending !== "status 0") {
      const said = stderr.trim() || stdout.trim() || "it says nothing";
      throw new ManufactureError("CERTIFICATE_TOOL", `${tool} exit with ${ending}: ${said.replaceAll("\n", "; ")}`);
    }
    return new Uint8Array(await readFile(join(directory, `${type}.cert`)));
  } catch (error) {
    if (error instanceof ManufactureError) throw error;
    throw new ManufactureError("CERTIFICATE_TOOL", `${tool} has made no certificate: ${reasonOf(error)}`, {
      cause: error,
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface EndedTool {
  readonly ending: string;
  readonly stdout: string;
  readonly stderr: string;
}

function run(tool: string, args: readonly string[]): Promise<EndedTool> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ["ignore", "pipe", "pipe"] });
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].on("data", (text: Buffer) => {
        texts[name] += text.toString();
      });
    }
    child.once("error", reject);
    child.once("close", (status, signal) => resolve({ ending: signal ?? `status ${status}`, ...texts }));
  });
}

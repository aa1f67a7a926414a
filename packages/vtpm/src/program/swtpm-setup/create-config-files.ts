import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FileError, putFile, why } from "../../files.ts";
import { configDirectory } from "../config-file.ts";
import { UsageError } from "../usage-error.ts";

const WORDS = ["overwrite", "root", "skip-if-exist"];
const FILE_MODE = 0o644;

/** `--create-config-files`: the files that a user needs, with a CA in the user's own directory. */
export async function createConfigFiles(argument: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const words = argument.split(/[, ]/).filter((word) => word !== "");
  const unknown = words.find((word) => !WORDS.includes(word));
  if (unknown !== undefined)
    throw new UsageError(`--create-config-files takes ${WORDS.join(", ")}, not ${JSON.stringify(unknown)}`);
  const [overwrite, skip] = [words.includes("overwrite"), words.includes("skip-if-exist")];
  if (overwrite && skip) throw new UsageError("--create-config-files: overwrite and skip-if-exist exclude each other");
  if (process.geteuid?.() === 0 && !words.includes("root")) {
    throw new UsageError("--create-config-files writes the configuration of root only when asked for it: add root");
  }
  const directory = configDirectory(environment);
  const state = join(directory, "var", "lib", "swtpm-localca");
  const files = contents(directory, state);
  for (const name of Object.keys(files)) {
    const path = join(directory, name);
    if (overwrite || !(await exists(path))) continue;
    if (skip) return;
    throw new UsageError(`File ${path} already exists. Refusing to overwrite.`);
  }
  await makeDirectory(state);
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    process.stdout.write(`Writing ${path}.\n`);
    await putFile(path, "the configuration", text, FILE_MODE);
  }
}

function contents(directory: string, state: string): Readonly<Record<string, string>> {
  return {
    "swtpm_setup.conf": `create_certs_tool = swtpm_localca
create_certs_tool_config = ${join(directory, "swtpm-localca.conf")}
create_certs_tool_options = ${join(directory, "swtpm-localca.options")}
# PCR banks that a new TPM has active, separated by commas
active_pcr_banks = sha256
# bits of the RSA endorsement key
rsa_keysize = 2048
# what a new TPM can do
profile = {"Name": "default-v1"}
# where --profile-name looks first
local_profiles_dir = ${join(directory, "etc", "swtpm", "profiles")}/
`,
    "swtpm-localca.conf": `statedir = ${state}
signingkey = ${join(state, "signkey.pem")}
issuercert = ${join(state, "issuercert.pem")}
certserial = ${join(state, "certserial")}
`,
    "swtpm-localca.options": `--platform-manufacturer vtpm
--platform-version 2.1
--platform-model QEMU
`,
  };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o775 });
  } catch (error) {
    throw new FileError("FILE_WRITE", `cannot make the directory ${path}: ${why(error, path)}`, { cause: error });
  }
}

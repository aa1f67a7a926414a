import { type KeyAlgorithm, keyAlgorithm } from "../../manufacture/key-algorithm.ts";
import { getopt, type OptionDeclaration } from "../getopt.ts";
import { type StateLocation, stateLocation } from "../state-location.ts";
import { UsageError } from "../usage-error.ts";

const argument = "required";
/** Which TPMs an option is for: the others refuse it. */
type Only = "1.2" | "2.0" | undefined;

/** In the order of the help, with what it says. */
export const DECLARATIONS = [
  { name: "tpm-state", argument, text: "DIR|dir://DIR|file://FILE  where the state of the TPM goes" },
  { name: "tpmstate", argument, text: "the same" },
  { name: "tpm", argument, text: "PROGRAM  drive this swtpm instead of making the TPM in this process" },
  { name: "tpm2", text: "a TPM 2.0 (there is no TPM 1.2 yet)" },
  { name: "createek", text: "make endorsement keys" },
  { name: "create-ek-cert", text: "make endorsement keys and have them certified" },
  { name: "create-platform-cert", text: "make endorsement keys and have the platform certified" },
  { name: "create-spk", only: "2.0", text: "make the storage primary key" },
  { name: "ecc", only: "2.0", text: "with --create-spk: on P-384 instead of RSA 3072" },
  { name: "allow-signing", only: "2.0", text: "endorsement keys may sign" },
  { name: "decryption", only: "2.0", text: "endorsement keys may decrypt, as they do without --allow-signing" },
  {
    name: "ek1keyalgo",
    argument,
    only: "2.0",
    text: "NAME  rsa2048 (default), rsa3072, rsa4096, ecc_nist_p256, ecc_nist_p384, ecc_nist_p521",
  },
  { name: "ek2keyalgo", argument, only: "2.0", text: "NAME  of the second endorsement key (default ecc_nist_p384)" },
  { name: "iakkeyalgo", argument, only: "2.0", text: "NAME  make an initial attestation key" },
  { name: "idevidkeyalgo", argument, only: "2.0", text: "NAME  make an initial device identity" },
  {
    name: "rsa-keysize",
    argument,
    only: "2.0",
    text: "2048|3072|4096|max  of the first endorsement key, without --ek1keyalgo",
  },
  {
    name: "pcr-banks",
    argument,
    only: "2.0",
    text: "A,B|-  banks with PCRs (default: of the configuration, else sha256); -: all that there are",
  },
  { name: "reconfigure", only: "2.0", text: "only set the PCR banks of a TPM that exists" },
  { name: "lock-nvram", text: "lock the NV areas against being written" },
  { name: "overwrite", text: "replace a TPM that exists" },
  { name: "not-overwrite", text: "leave a TPM that exists as it is" },
  { name: "vmid", argument, text: "ID  whose TPM it is, for its certificates" },
  { name: "keyfile", argument, text: "FILE  with the key that encrypts the state, in hexadecimal" },
  { name: "keyfile-fd", argument, text: "N  the same by its descriptor" },
  { name: "pwdfile", argument, text: "FILE  with a passphrase to make that key from" },
  { name: "pwdfile-fd", argument, text: "N  the same by its descriptor" },
  { name: "cipher", argument, text: "aes-cbc|aes-128-cbc|aes-256-cbc  (default aes-128-cbc)" },
  { name: "profile", argument, only: "2.0", text: "JSON  what the TPM can do" },
  {
    name: "profile-name",
    argument,
    only: "2.0",
    text: "NAME  a profile of the machine or a built-in one; local:, distro: or builtin: before it picks",
  },
  { name: "profile-file", argument, only: "2.0", text: "FILE  with the JSON of a profile" },
  { name: "profile-file-fd", argument, only: "2.0", text: "N  the same by its descriptor" },
  {
    name: "profile-remove-disabled",
    argument,
    only: "2.0",
    text: "check|fips-host  leave out of a custom profile what the machine has disabled",
  },
  { name: "write-ek-cert-files", argument, text: "DIR  copies of the certificates" },
  { name: "config", argument, text: "FILE  (default: swtpm_setup.conf of the user, or in /etc)" },
  { name: "logfile", argument, text: "FILE  is added to, instead of printing" },
  { name: "runas", argument, text: "USER  become this user" },
  {
    name: "create-config-files",
    argument: "optional",
    text: "[overwrite][,root][,skip-if-exist]  write the user's configuration",
  },
  { name: "print-capabilities", text: "what this program can do, in JSON" },
  { name: "print-profiles", text: "which profiles there are, in JSON; with --tpm2" },
  { name: "version" },
  { name: "help", short: "h" },
  { name: "take-ownership", only: "1.2", text: "for a TPM 1.2" },
  { name: "ownerpass", argument, text: "for a TPM 1.2" },
  { name: "owner-well-known", text: "for a TPM 1.2" },
  { name: "srkpass", argument, text: "for a TPM 1.2" },
  { name: "srk-well-known", text: "for a TPM 1.2" },
  { name: "display", text: "no effect" },
  { name: "swtpm_ioctl", argument, text: "no effect" },
  { name: "tcsd-system-ps-file", argument, text: "no effect" },
  { name: "no-iak", text: "" },
] as const satisfies readonly (OptionDeclaration & { readonly only?: Only; readonly text?: string })[];

export type SetupOption = (typeof DECLARATIONS)[number]["name"];

/** Options whose argument may be empty. */
const MAY_BE_EMPTY: ReadonlySet<SetupOption> = new Set<SetupOption>([
  "pcr-banks",
  "vmid",
  "ownerpass",
  "srkpass",
  "swtpm_ioctl",
  "tcsd-system-ps-file",
  "create-config-files",
]);

/** Options that contradict `--reconfigure`; all others that are for a new TPM have no effect then. */
const NOT_WITH_RECONFIGURE: readonly SetupOption[] = [
  "createek",
  "create-ek-cert",
  "create-platform-cert",
  "profile",
  "profile-name",
  "profile-file",
  "profile-file-fd",
];

/** A list of PCR banks, separated by commas. */
export const banksIn = (list: string): readonly string[] =>
  list
    .split(",")
    .map((bank) => bank.trim())
    .filter((bank) => bank !== "");

/** The command line of swtpm_setup. Words that belong to no option mean nothing, as in swtpm. */
export class SetupOptions {
  readonly #values = new Map<SetupOption, string>();
  readonly pcrBanks: readonly string[];

  constructor(args: readonly string[]) {
    const { options, operands } = getopt(args, DECLARATIONS);
    const banks: string[] = [];
    for (const { name, value } of options) {
      if (value === "" && !MAY_BE_EMPTY.has(name)) throw new UsageError(`--${name} needs a value`);
      this.#values.set(name, value ?? "");
      if (name === "pcr-banks") banks.push(...banksIn(value ?? ""));
    }
    this.pcrBanks = banks;
    // Its argument may be a word of its own.
    const [word] = operands;
    if (word !== undefined && this.#values.get("create-config-files") === "") {
      this.#values.set("create-config-files", word);
    }
  }

  has(name: SetupOption): boolean {
    return this.#values.has(name);
  }

  text(name: SetupOption): string | undefined {
    return this.#values.get(name) || undefined;
  }

  /** The last of several that was given, all of them meaning the same. */
  get location(): StateLocation {
    const text = this.text("tpm-state") ?? this.text("tpmstate");
    if (text === undefined) throw new UsageError("where shall the state of the TPM be? Give --tpm-state DIRECTORY");
    return stateLocation("--tpm-state", text);
  }

  descriptor(name: SetupOption): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text))
      throw new UsageError(`--${name} takes the number of a file descriptor, not ${JSON.stringify(text)}`);
    return Number(text);
  }

  /** What contradicts itself, or is for another TPM. Throws a `UsageError`. */
  check(): void {
    const tpm2 = this.has("tpm2");
    for (const declaration of DECLARATIONS) {
      const only: Only = "only" in declaration ? declaration.only : undefined;
      if (!this.has(declaration.name) || only === undefined) continue;
      if (only === "2.0" && !tpm2) throw new UsageError(`--${declaration.name} requires --tpm2.`);
      if (only === "1.2" && tpm2)
        throw new UsageError(`--${declaration.name} is for a TPM 1.2 and does not go with --tpm2.`);
    }
    if (!tpm2) throw new UsageError("TPM 1.2 is not there yet: make a TPM 2.0 with --tpm2");
    this.#exclusive("profile", "profile-name", "profile-file", "profile-file-fd");
    if (this.has("reconfigure")) {
      for (const name of NOT_WITH_RECONFIGURE) {
        if (this.has(name)) throw new UsageError(`--reconfigure and --${name} exclude each other`);
      }
    }
  }

  #exclusive(...names: readonly SetupOption[]): void {
    const given = names.filter((name) => this.has(name));
    if (given.length > 1) throw new UsageError(`${given.map((name) => `--${name}`).join(" and ")} exclude each other`);
  }
}

/** The key algorithm that an option or setting names. */
export function algorithmOf(source: string, name: string): KeyAlgorithm {
  const algorithm = keyAlgorithm(name);
  if (algorithm !== undefined) return algorithm;
  throw new UsageError(
    `${source}: there is no key algorithm ${JSON.stringify(name)}: take rsa2048, rsa3072, rsa4096, ecc_nist_p256, ecc_nist_p384 or ecc_nist_p521`,
  );
}

export function setupHelp(): string {
  const lines = DECLARATIONS.flatMap((declaration) => {
    const text = "text" in declaration ? declaration.text : "";
    return text === "" ? [] : [`  ${`--${declaration.name}`.padEnd(26)}${text}\n`];
  });
  return `swtpm_setup - make a TPM with keys and certificates\n\nUsage: swtpm_setup [options]\n\n${lines.join("")}\n`;
}

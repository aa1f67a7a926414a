import { getopt, type OptionDeclaration } from "../getopt.ts";
import { UsageError } from "../usage-error.ts";

const argument = "required";

/** Long options only, with one dash or two. */
const DECLARATIONS = [
  { name: "pubkey", argument },
  { name: "modulus", argument },
  { name: "exponent", argument },
  { name: "ecc-x", argument },
  { name: "ecc-y", argument },
  { name: "ecc-curveid", argument },
  { name: "public", argument },
  { name: "keyalgo", argument },
  { name: "signkey", argument },
  { name: "signkey-password", argument },
  { name: "signkey-pwd", argument },
  { name: "parentkey-password", argument },
  { name: "parentkey-pwd", argument },
  { name: "issuercert", argument },
  { name: "out-cert", argument },
  { name: "pem" },
  { name: "serial", argument },
  { name: "days", argument },
  { name: "subject", argument },
  { name: "type", argument },
  { name: "tpm2" },
  { name: "add-header" },
  { name: "allow-signing" },
  { name: "decryption" },
  { name: "tpm-manufacturer", argument },
  { name: "tpm-model", argument },
  { name: "tpm-version", argument },
  { name: "tpm-serial-num", argument },
  { name: "tpm-spec-family", argument },
  { name: "tpm-spec-level", argument },
  { name: "tpm-spec-revision", argument },
  { name: "platform-manufacturer", argument },
  { name: "platform-model", argument },
  { name: "platform-version", argument },
  { name: "print-capabilities" },
  { name: "version" },
  { name: "help", short: "h" },
] as const satisfies readonly OptionDeclaration[];

export type CertOption = (typeof DECLARATIONS)[number]["name"];

/**
 * The options of swtpm_cert as they were given; the last of a kind counts. Words that belong to no option mean nothing, as in
 * swtpm: swtpm-localca.options has no comments, so people write them as such words.
 */
export class CertOptions {
  readonly #values: ReadonlyMap<CertOption, string>;
  readonly #order: readonly CertOption[];

  constructor(args: readonly string[]) {
    const { options } = getopt(args, DECLARATIONS, { singleDash: true });
    this.#values = new Map(options.map(({ name, value }) => [name, value ?? ""]));
    this.#order = options.map(({ name }) => name);
  }

  has(name: CertOption): boolean {
    return this.#values.has(name);
  }

  text(name: CertOption): string | undefined {
    return this.#values.get(name);
  }

  /** Which of several that mean the same was given last. */
  lastOf(...names: readonly CertOption[]): CertOption | undefined {
    return this.#order.filter((name) => names.includes(name)).at(-1);
  }

  /** What must be there; `why` says for what. */
  required(name: CertOption, why: string): string {
    const value = this.#values.get(name);
    if (value === undefined || value === "") throw new UsageError(`${why} needs --${name}`);
    return value;
  }

  /** A number as strtol(3) reads it: decimal, hexadecimal behind 0x, octal behind 0. */
  integer(name: CertOption, value: string, { min = 0, max = 0xffff_ffff } = {}): number {
    const [, sign = "", digits = ""] = /^\s*([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(value) ?? [];
    const number = digits === "" ? Number.NaN : Number(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
    const signed = sign === "-" ? -number : number;
    if (signed >= min && signed <= max) return signed;
    throw new UsageError(`--${name} takes a number from ${min} to ${max}, not ${JSON.stringify(value)}`);
  }

  /** Bytes in hexadecimal. */
  hex(name: CertOption): Uint8Array | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^([0-9a-f]{2})+$/i.test(value)) {
      throw new UsageError(`--${name} takes an even number of hexadecimal digits`);
    }
    return new Uint8Array(Buffer.from(value, "hex"));
  }
}

export const CERT_HELP = `swtpm_cert - certify a key of a TPM

Usage: swtpm_cert [options]

The key to be certified, one of:
  --pubkey FILE                 a public key in PEM
  --modulus HEX                 an RSA key; --exponent N (default 65537)
  --ecc-x HEX --ecc-y HEX       a point; --ecc-curveid secp256r1|secp384r1|secp521r1 (default secp256r1)
  --public HEX --keyalgo NAME   ml-kem-512, ml-kem-768, ml-kem-1024, ml-dsa-44, ml-dsa-65 or ml-dsa-87

Who certifies it:
  --signkey FILE                the private key in PEM, or the pkcs11: URI of a key in a token
  --signkey-password PASSWORD   its password, or the PIN of the token; else the PIN is in SWTPM_PKCS11_PIN
  --signkey-pwd WHERE           the same as [pass:]PASSWORD, file:FILE, fd:N or env:NAME
  --issuercert FILE             the certificate of that key
  --parentkey-password, --parentkey-pwd    no effect: they are for keys of a TPM 1.2, which are not supported

The certificate:
  --type ek|platform|iak|idevid what it is for (default ek); also ak, an attestation key as clouds certify it
  --tpm2                        the key is a TPM 2.0's; without it a TPM 1.2's
  --subject NAME                such as CN=name,O=organization; for TPM 2.0
  --serial N                    its number (default: random)
  --days N                      how long it is valid (default 365); -1: without end
  --allow-signing               the key can sign; with --decryption it can do both
  --decryption
  --tpm-manufacturer, --tpm-model, --tpm-version TEXT                 for ek, platform, ak
  --tpm-spec-family TEXT, --tpm-spec-level N, --tpm-spec-revision N   for ek
  --platform-manufacturer, --platform-model, --platform-version TEXT  for platform
  --tpm-serial-num TEXT                                               for iak, idevid

Where it goes:
  --out-cert FILE               made with mode 0600
  --pem                         PEM instead of DER
  --add-header                  with the header that NV memory of a TPM 1.2 has

  --print-capabilities, --version, --help
`;

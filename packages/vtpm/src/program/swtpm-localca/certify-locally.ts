import { join } from "node:path";
import type { Bytes } from "@vtpm/wire";
import type { CertificateType } from "../../certificate/tpm-certificate.ts";
import { readInput } from "../../files.ts";
import type { LocalCa, LocalCaPlace } from "../../local-ca/local-ca.ts";
import { isTokenKey } from "../../pkcs11/pkcs11-uri.ts";
import { ConfigFile } from "../config-file.ts";
import { CertOptions } from "../swtpm-cert/options.ts";
import { requestOf } from "../swtpm-cert/request.ts";
import { UsageError } from "../usage-error.ts";

/** What a local CA is asked to certify: the words that swtpm_setup says to a certificate tool, named. */
export interface LocalRequest {
  readonly type: CertificateType;
  /** The modulus in hexadecimal, or `x=HEX,y=HEX,id=CURVE`. */
  readonly key: string;
  readonly vmid: string | undefined;
  readonly tpm2: boolean;
  readonly allowSigning: boolean;
  readonly decryption: boolean;
  /** Options that are passed on: `tpm-manufacturer` and the like. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** What is said when a certificate of this type was made. */
export const madeCertificate = (type: CertificateType): string =>
  `Successfully created ${type === "ek" ? "EK" : type} certificate locally.`;

/** Of tokens that swtpm-create-tpmca makes. */
const DEFAULT_PIN = "swtpm-tpmca";

/** Reads where a CA is from swtpm-localca.conf; `environment` gets what it says is for PKCS #11 modules. */
export async function readCaPlace(path: string, environment: NodeJS.ProcessEnv): Promise<LocalCaPlace> {
  const config = await ConfigFile.read(path, "the configuration of the local CA", environment);
  const stateDirectory = config.required("statedir");
  // A backslash before a semicolon is how older configurations write one.
  const signingKey = config.required("signingkey").replaceAll("\\;", ";");
  const inToken = isTokenKey(signingKey);
  if (inToken) for (const [name, value] of config.verbatim("env:")) environment[name] = value;
  const pin = inToken ? (config.get("SWTPM_PKCS11_PIN") ?? DEFAULT_PIN) : undefined;
  return {
    stateDirectory,
    signingKey,
    signingKeyPassword: config.get("signingkey_password") ?? pin,
    issuerCertificate: config.required("issuercert"),
    serial: config.get("certserial") ?? join(stateDirectory, "certserial"),
    rootPassword: environment["SWTPM_ROOTCA_PASSWORD"],
  };
}

/** The words of swtpm-localca.options, which swtpm_cert gets first. */
export async function readCertWords(path: string): Promise<readonly string[]> {
  const text = (await readInput(path, "the options of swtpm_cert")).toString("utf8");
  const words = text.split(/\s+/).filter((word) => word !== "");
  try {
    new CertOptions(words);
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
  return words;
}

/** Has the CA certify a key; DER. */
export async function certifyLocally(ca: LocalCa, words: readonly string[], request: LocalRequest): Promise<Bytes> {
  // The file may name another subject; whatever else is asked for here goes before what it says.
  return ca.issue(await requestOf(new CertOptions(["--subject", subjectOf(request), ...words, ...certWords(request)])));
}

function subjectOf({ type, vmid }: LocalRequest): string {
  const name = (vmid === undefined || vmid === "" ? "unknown" : vmid).replaceAll(",", "_").replace(/(?<!\\)\+/g, "_");
  return type === "iak" || type === "idevid" ? `serialNumber=${name}` : `CN=${name}`;
}

/** The same as options of swtpm_cert. */
function certWords({ type, key, tpm2, allowSigning, decryption, attributes }: LocalRequest): string[] {
  const passedOn = Object.entries(attributes).filter(([option]) => type === "ek" || !option.startsWith("tpm-spec-"));
  return [
    ...["--type", type, "--days", "-1"],
    ...(tpm2 ? ["--tpm2"] : []),
    // What an endorsement key can do is nothing that the certificate of a platform says.
    ...(type === "ek" && allowSigning ? ["--allow-signing"] : []),
    ...(type === "ek" && decryption ? ["--decryption"] : []),
    ...passedOn.flatMap(([option, value]) => [`--${option}`, value]),
    ...keyWords(key),
  ];
}

/** The options that give swtpm_cert the key. */
function keyWords(key: string): string[] {
  if (!key.includes("=")) return ["--modulus", key];
  const parts = new Map(
    key.split(",").map((part): [string, string] => {
      const at = part.indexOf("=");
      return [part.slice(0, at), part.slice(at + 1)];
    }),
  );
  const [x, y] = [parts.get("x"), parts.get("y")];
  if (x === undefined || y === undefined) {
    throw new UsageError(`the key ${JSON.stringify(key)} is neither a modulus nor of the form x=HEX,y=HEX,id=CURVE`);
  }
  return ["--ecc-x", x, "--ecc-y", y, "--ecc-curveid", parts.get("id") ?? "secp256r1"];
}

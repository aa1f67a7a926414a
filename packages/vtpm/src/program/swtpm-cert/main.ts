import { constants } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { Bytes } from "@vtpm/wire";
import { openIssuer } from "../../certificate/issuer.ts";
import { withNvHeader } from "../../certificate/nv-header.ts";
import { pemOfCertificate } from "../../certificate/pem.ts";
import { keyInMemory, openPemKey } from "../../certificate/private-key.ts";
import { issueTpmCertificate } from "../../certificate/tpm-certificate.ts";
import { FileError, readInput, why } from "../../files.ts";
import { isTokenKey } from "../../pkcs11/pkcs11-uri.ts";
import { openTokenKey } from "../../pkcs11/token-key.ts";
import { capabilitiesLine } from "../capabilities-line.ts";
import { runProgram } from "../run-program.ts";
import { SWTPM_VERSION } from "../swtpm-version.ts";
import { CERT_HELP, CertOptions } from "./options.ts";
import { readPassword } from "./password.ts";
import { requestOf, serialOf } from "./request.ts";

const CAPABILITIES = {
  type: "swtpm_cert",
  features: ["cmdarg-signkey-pwd", "cmdarg-tpm-serial-num", "supports-iak-idevid", "cmdarg-public", "cmdarg-keyalgo"],
  version: SWTPM_VERSION,
};

/** It is not written to what somebody else has put a link to in its place; a file that is there keeps its mode. */
const OUTPUT_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** The program swtpm_cert. */
export function main(args: readonly string[]): Promise<void> {
  return runProgram("swtpm_cert", () => certify(args));
}

async function certify(args: readonly string[]): Promise<void> {
  const options = new CertOptions(args);
  if (options.has("help")) return print(CERT_HELP);
  if (options.has("version")) return print(`TPM certificate tool version ${SWTPM_VERSION}\n`);
  if (options.has("print-capabilities")) return print(capabilitiesLine(CAPABILITIES));

  const path = options.required("signkey", "a certificate");
  const inToken = isTokenKey(path);
  const request = await requestOf(options);
  const serial = serialOf(options);
  const issuerPath = options.required("issuercert", "a certificate");
  const password = await passwordOf(options);
  const key = inToken
    ? openTokenKey(path, password ?? process.env["SWTPM_PKCS11_PIN"])
    : keyInMemory(path, openPemKey(path, await readInput(path, "the signing key"), password));
  const issuer = openIssuer(issuerPath, await readInput(issuerPath, "the issuer's certificate"), key);
  const certificate = issueTpmCertificate({ ...request, serial }, issuer);
  await deliver(options, certificate);
}

async function passwordOf(options: CertOptions): Promise<string | undefined> {
  const option = options.lastOf("signkey-pwd", "signkey-password");
  if (option === undefined) return undefined;
  const text = options.text(option) ?? "";
  return option === "signkey-pwd" ? readPassword("--signkey-pwd", text) : text;
}

async function deliver(options: CertOptions, certificate: Bytes): Promise<void> {
  const path = options.text("out-cert");
  const pem = options.has("pem");
  if (path === undefined) {
    if (pem) print(pemOfCertificate(certificate));
    return;
  }
  const content = pem
    ? pemOfCertificate(certificate)
    : options.has("add-header")
      ? withNvHeader(certificate)
      : certificate;
  try {
    await writeFile(path, content, { mode: 0o600, flag: OUTPUT_FLAGS });
  } catch (error) {
    throw new FileError("FILE_WRITE", `cannot write the certificate ${path}: ${why(error, path)}`, { cause: error });
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TpmClient } from "@vtpm/client";
import { GetCapability, NV_Read, NV_ReadPublic } from "@vtpm/tpm2/commands";
import { TPM_CAP, TPM_RH } from "@vtpm/tpm2/spec";
import { type Bytes, concatBytes } from "@vtpm/wire";
import { openCertificate } from "../certificate/issuer.ts";
import { pemOfCertificate } from "../certificate/pem.ts";
import { putFile, readIfThere } from "../files.ts";
import { TPM_SU } from "../host/tpm2-messages.ts";
import { rootPaths } from "../local-ca/local-ca.ts";
import { EK_PLACES, IDENTITY_PLACES, PLATFORM_CERTIFICATE } from "../manufacture/ek-places.ts";
import { ManufactureError } from "../manufacture/manufacture-error.ts";
import { PRESETS } from "../manufacture/presets.ts";
import { openTpm } from "../open-tpm.ts";
import { openDirectoryStore } from "../store/open-directory-store.ts";
import { openLinearStore } from "../store/open-linear-store.ts";
import type { Store } from "../store/store.ts";
import { defaultCaDirectory, defaultStateDirectory } from "./default-directories.ts";
import { caPlace } from "./new-command.ts";
import { CERT_HELP } from "./new-help.ts";
import { locationText, type StateLocation, stateLocation } from "./state-location.ts";
import { nonEmpty, parseOptions } from "./subcommand.ts";
import { UsageError } from "./usage-error.ts";

const NV_FIRST = 0x01000000;
const NV_PIECE_SIZE = 512;
const FILE_MODE = 0o644;

/** What the certificates of a TPM are called, by their NV Index. */
const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  ...Object.entries(EK_PLACES).map(([algorithm, { certificate }]) => [certificate, `ek-${algorithm}`] as const),
  [PLATFORM_CERTIFICATE, "platform"],
  [IDENTITY_PLACES.iak.certificate, "iak"],
  [IDENTITY_PLACES.idevid.certificate, "idevid"],
  ...[...PRESETS.azure.attestationKeys, ...PRESETS.gcp.attestationKeys].map(
    ({ algorithm, certificate }) => [certificate, `ak-${algorithm}`] as const,
  ),
]);

/** `vtpm cert` */
export async function run([action, ...args]: readonly string[]): Promise<void> {
  if (action === "--help" || action === "-h") {
    process.stdout.write(CERT_HELP);
    return;
  }
  if (action !== "export") throw new UsageError('what to do with certificates? See "vtpm cert --help"');
  const values = parseOptions("cert", args, {
    state: { type: "string" },
    out: { type: "string" },
    ca: { type: "string" },
    der: { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help === true) {
    process.stdout.write(CERT_HELP);
    return;
  }
  await exportCertificates({
    location: stateLocation("--state", values.state ?? defaultStateDirectory(process.env)),
    out: resolve(nonEmpty("--out", values.out ?? ".")),
    ca: resolve(nonEmpty("--ca", values.ca ?? defaultCaDirectory(process.env))),
    der: values.der === true,
    json: values.json === true,
  });
}

interface ExportOptions {
  readonly location: StateLocation;
  readonly out: string;
  readonly ca: string;
  readonly der: boolean;
  readonly json: boolean;
}

async function exportCertificates({ location, out, ca, der, json }: ExportOptions): Promise<void> {
  const certificates = await certificatesIn(location);
  if (certificates.size === 0) {
    throw new ManufactureError("TPM_MISSING", `the TPM in ${locationText(location)} has no certificates`);
  }
  // What hinders this hinders the files too, and is told with the first of them.
  await mkdir(out, { recursive: true }).catch(() => {});
  const written: { file: string; subject: string }[] = [];
  const write = async (name: string, certificate: Bytes): Promise<void> => {
    const file = join(out, `${name}.${der ? "der" : "pem"}`);
    await putFile(file, "the certificate", der ? certificate : pemOfCertificate(certificate), FILE_MODE);
    written.push({ file, subject: openCertificate(file, certificate).subject });
  };
  for (const [name, certificate] of certificates) await write(name, certificate);
  const [some] = certificates.values();
  const chain = some === undefined ? [] : await chainOf(some, ca);
  for (const [name, certificate] of chain) await write(name, certificate);
  if (json) {
    process.stdout.write(`${JSON.stringify({ files: written, chain: chain.length > 0 })}\n`);
    return;
  }
  for (const { file, subject } of written) process.stdout.write(`${file}  ${subject.replaceAll("\n", ", ")}\n`);
  if (chain.length === 0) {
    process.stdout.write(
      `The CA in ${ca} has not signed them, so the chain is missing: name its directory with --ca\n`,
    );
  }
}

/** The certificates of the CA above one that it has signed. */
async function chainOf(certificate: Bytes, directory: string): Promise<readonly (readonly [string, Bytes])[]> {
  const place = caPlace(directory);
  const path = place.issuerCertificate;
  const intermediate = await readIfThere(path, "the CA's certificate");
  if (intermediate === undefined) return [];
  const issuer = openCertificate(path, intermediate);
  if (!openCertificate("the certificate", certificate).verify(issuer.publicKey)) return [];
  const rootPath = rootPaths(place).certificate;
  const root = await readIfThere(rootPath, "the root CA's certificate");
  const above = root === undefined ? undefined : openCertificate(rootPath, root);
  const chain: (readonly [string, Bytes])[] = [["ca-intermediate", new Uint8Array(issuer.raw)]];
  if (above !== undefined && issuer.verify(above.publicKey)) chain.push(["ca-root", new Uint8Array(above.raw)]);
  return chain;
}

/** The certificates in the NV memory of a TPM, by their names. */
async function certificatesIn(location: StateLocation): Promise<Map<string, Bytes>> {
  const tpm = await openTpm({ store: async () => copyOf(await openStore(location)), mayBlock: true });
  try {
    if (!tpm.host.manufactured) {
      throw new ManufactureError("TPM_MISSING", `there is no TPM in ${locationText(location)}: "vtpm new" makes one`);
    }
    await tpm.host.init();
    await tpm.host.startup(TPM_SU.CLEAR);
    return await readCertificates(new TpmClient(tpm.host));
  } finally {
    await tpm.close();
  }
}

async function readCertificates(client: TpmClient): Promise<Map<string, Bytes>> {
  const { capabilityData } = await client.call(GetCapability, {
    capability: TPM_CAP.HANDLES,
    property: NV_FIRST,
    propertyCount: 254,
  });
  const certificates = new Map<string, Bytes>();
  for (const nvIndex of capabilityData.capability === TPM_CAP.HANDLES ? capabilityData.data : []) {
    const name = NAMES.get(nvIndex);
    if (name === undefined) continue;
    const { nvPublic } = await client.call(NV_ReadPublic, { nvIndex });
    const pieces: Bytes[] = [];
    for (let offset = 0; offset < nvPublic.dataSize; offset += NV_PIECE_SIZE) {
      const size = Math.min(NV_PIECE_SIZE, nvPublic.dataSize - offset);
      pieces.push((await client.call(NV_Read, { authHandle: TPM_RH.OWNER, nvIndex, size, offset })).data);
    }
    certificates.set(name, concatBytes(...pieces));
  }
  return certificates;
}

function openStore({ directory, linearFile }: StateLocation): Promise<Store> {
  if (directory !== undefined) return openDirectoryStore(directory, { create: false });
  return openLinearStore(linearFile, { create: false });
}

/** What a TPM does to this store is forgotten: it is only looked at. */
function copyOf(store: Store): Store {
  return {
    locate: (tpm) => store.locate(tpm),
    load: (tpm) => store.load(tpm),
    append: async () => {},
    readVolatile: async () => undefined,
    writeVolatile: async () => {},
    close: () => store.close(),
  };
}

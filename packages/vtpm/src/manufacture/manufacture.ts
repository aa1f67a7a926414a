import { type TpmClient, TpmRefusal } from "@vtpm/client";
import { Shutdown } from "@vtpm/tpm2/commands";
import { TPM_ALG, TPM_RH, TPM_SU, TPMT_PUBLIC } from "@vtpm/tpm2/spec";
import { type Bytes, encode, toHex } from "@vtpm/wire";
import { identifiersOf } from "../certificate/issuer.ts";
import type { CertificateType } from "../certificate/tpm-certificate.ts";
import { EK_PLACES, IDENTITY_PLACES, PLATFORM_CERTIFICATE, STORAGE_KEY } from "./ek-places.ts";
import type { KeyAlgorithm } from "./key-algorithm.ts";
import { ManufactureError } from "./manufacture-error.ts";
import {
  akTemplate,
  ekTemplate,
  iakTemplate,
  idevidTemplate,
  type KeyPublic,
  storageKeyTemplate,
} from "./templates.ts";
import { activatePcrBanks, makeKey, manufacturerOf, type PcrBanks, writeNvArea } from "./tpm-keys.ts";

/** What a TPM is to be given. */
export interface ManufacturePlan {
  readonly storageKey?: KeyAlgorithm | undefined;
  readonly endorsementKeys: readonly KeyAlgorithm[];
  readonly allowSigning: boolean;
  readonly decryption: boolean;
  readonly ekCertificates: boolean;
  readonly platformCertificate: boolean;
  readonly attestationKeys?: readonly AttestationKey[] | undefined;
  readonly iak?: KeyAlgorithm | undefined;
  readonly idevid?: KeyAlgorithm | undefined;
  /** Banks that are to have PCRs; all keep theirs if absent. */
  readonly pcrBanks?: readonly string[] | undefined;
  /** Whether banks that the TPM lacks are left out, as long as it has one of them. */
  readonly leaveOutPcrBanks?: boolean | undefined;
  readonly lockNv: boolean;
}

/** An attestation key, and where it, its certificate and its template are found; whatever has no place is not kept. */
export interface AttestationKey {
  readonly algorithm: KeyAlgorithm;
  readonly handle?: number;
  readonly certificate: number;
  readonly template?: number;
}

/** A key to be certified. */
export interface CertificationRequest {
  readonly type: CertificateType;
  readonly algorithm: KeyAlgorithm;
  readonly key: KeyPublic;
  /** Of the TPM, for what certifies its identity. */
  readonly serialNumber?: string | undefined;
}

/** What was made, in the order in which it was. */
export type Made =
  | { readonly kind: "key"; readonly label: string; readonly handle: number }
  | { readonly kind: "nv"; readonly label: string; readonly index: number }
  | {
      readonly kind: "certificate";
      readonly type: CertificateType;
      readonly algorithm: KeyAlgorithm;
      readonly certificate: Bytes;
    }
  | ({ readonly kind: "pcrBanks" } & PcrBanks);

/** Who certifies, and who is told. */
export interface ManufactureHelp {
  certify(request: CertificationRequest): Promise<Bytes>;
  made(what: Made): Promise<void> | void;
}

/** Gives a TPM that has been started its keys, certificates and PCR banks, and shuts it down. */
export async function manufacture(client: TpmClient, plan: ManufacturePlan, help: ManufactureHelp): Promise<void> {
  try {
    await new Manufacture(client, plan, help).run();
  } catch (error) {
    if (!(error instanceof TpmRefusal)) throw error;
    throw new ManufactureError("TPM_REFUSAL", `the TPM refused: ${error.message}`, { cause: error });
  }
}

class Manufacture {
  readonly #client: TpmClient;
  readonly #plan: ManufacturePlan;
  readonly #help: ManufactureHelp;
  /** The certificate of the first endorsement key. */
  #ekCertificate: Bytes | undefined;

  constructor(client: TpmClient, plan: ManufacturePlan, help: ManufactureHelp) {
    this.#client = client;
    this.#plan = plan;
    this.#help = help;
  }

  async run(): Promise<void> {
    const { storageKey, endorsementKeys, iak, idevid, pcrBanks, leaveOutPcrBanks = false } = this.#plan;
    if (storageKey !== undefined) {
      await this.#key(TPM_RH.OWNER, storageKeyTemplate(storageKey), STORAGE_KEY, "storage primary key");
    }
    for (const [i, algorithm] of endorsementKeys.entries()) await this.#endorsementKey(algorithm, i === 0);
    for (const attestationKey of this.#plan.attestationKeys ?? []) await this.#attestationKey(attestationKey);
    if (iak !== undefined) await this.#identity("iak", iak);
    if (idevid !== undefined) await this.#identity("idevid", idevid);
    if (pcrBanks !== undefined) {
      await this.#help.made({
        kind: "pcrBanks",
        ...(await activatePcrBanks(this.#client, pcrBanks, leaveOutPcrBanks)),
      });
    }
    await this.#client.call(Shutdown, { shutdownType: TPM_SU.CLEAR });
  }

  async #endorsementKey(algorithm: KeyAlgorithm, isFirst: boolean): Promise<void> {
    const { allowSigning, ekCertificates, platformCertificate } = this.#plan;
    const { handle, certificate: certificateIndex, template: templateIndex, label } = EK_PLACES[algorithm];
    const template = ekTemplate(algorithm, this.#plan);
    const key = await this.#key(TPM_RH.ENDORSEMENT, template, handle, label);
    if (allowSigning) await this.#nvArea(templateIndex, encode(TPMT_PUBLIC, template), `${label} template`);
    const certificates: (readonly [index: number, certificate: Bytes, label: string])[] = [];
    if (ekCertificates) {
      const certificate = await this.#certificate({ type: "ek", algorithm, key });
      if (isFirst) this.#ekCertificate = certificate;
      certificates.push([certificateIndex, certificate, `${label} certificate`]);
    }
    if (platformCertificate && isFirst) {
      const certificate = await this.#certificate({ type: "platform", algorithm, key });
      certificates.push([PLATFORM_CERTIFICATE, certificate, "platform certificate"]);
    }
    for (const area of certificates) await this.#nvArea(...area);
  }

  async #attestationKey({
    algorithm,
    handle,
    certificate: index,
    template: templateIndex,
  }: AttestationKey): Promise<void> {
    const label = EK_PLACES[algorithm].label.replace("EK", "AK");
    const template = akTemplate(algorithm);
    const key = await this.#key(TPM_RH.ENDORSEMENT, template, handle, label);
    if (templateIndex !== undefined)
      await this.#nvArea(templateIndex, encode(TPMT_PUBLIC, template), `${label} template`);
    const certificate = await this.#certificate({ type: "ak", algorithm, key });
    await this.#nvArea(index, certificate, `${label} certificate`);
  }

  async #identity(type: "iak" | "idevid", algorithm: KeyAlgorithm): Promise<void> {
    const ekCertificate = this.#ekCertificate;
    if (ekCertificate === undefined) throw new RangeError("an identity names the certificate of an endorsement key");
    const { handle, certificate: index } = IDENTITY_PLACES[type];
    const name = type === "iak" ? "IAK" : "IDevID";
    const label = `${EK_PLACES[algorithm].label.replace("EK", name)} primary key`;
    const template = type === "iak" ? iakTemplate(algorithm) : idevidTemplate(algorithm);
    const key = await this.#key(TPM_RH.ENDORSEMENT, template, handle, label);
    const { authorityKeyIdentifier, serial } = identifiersOf(ekCertificate);
    const maker = await manufacturerOf(this.#client);
    const serialNumber = `${maker}:${toHex(authorityKeyIdentifier)}:${toHex(serial)}`;
    const certificate = await this.#certificate({ type, algorithm, key, serialNumber });
    await this.#nvArea(index, certificate, `${name} certificate`);
  }

  async #key(
    hierarchy: Parameters<typeof makeKey>[1],
    template: KeyPublic,
    handle: number | undefined,
    label: string,
  ): Promise<KeyPublic> {
    const key = await makeKey(this.#client, hierarchy, template, handle);
    if (handle !== undefined) await this.#help.made({ kind: "key", label, handle });
    return key;
  }

  async #certificate(request: CertificationRequest): Promise<Bytes> {
    const certificate = await this.#help.certify(request);
    await this.#help.made({ kind: "certificate", type: request.type, algorithm: request.algorithm, certificate });
    return certificate;
  }

  async #nvArea(index: number, content: Bytes, label: string): Promise<void> {
    await writeNvArea(this.#client, index, content, this.#plan.lockNv);
    await this.#help.made({ kind: "nv", label, index });
  }
}

/** A key as the words of a certificate tool: the modulus, or `x=HEX,y=HEX,id=CURVE`. */
export function keyWords(algorithm: KeyAlgorithm, key: KeyPublic): string {
  if (key.type === TPM_ALG.RSA) return toHex(key.unique);
  return `x=${toHex(key.unique.x)},y=${toHex(key.unique.y)},id=${algorithm}`;
}

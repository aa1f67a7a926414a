import type { KeyAlgorithm } from "./key-algorithm.ts";

/** Where a key and what belongs to it are found, and what people call it. */
export interface KeyPlace {
  readonly handle: number;
  readonly certificate: number;
  readonly template: number;
  readonly label: string;
}

/** @spec TCG EK Credential Profile, "Handle Values for EK Artifacts"; TCG PC Client Platform TPM Profile, "NV Storage" */
export const EK_PLACES: Readonly<Record<KeyAlgorithm, KeyPlace>> = {
  rsa2048: { handle: 0x81010001, certificate: 0x01c00002, template: 0x01c00004, label: "RSA 2048 EK" },
  rsa3072: { handle: 0x8101001c, certificate: 0x01c0001c, template: 0x01c0001d, label: "RSA 3072 EK" },
  rsa4096: { handle: 0x8101001e, certificate: 0x01c0001e, template: 0x01c0001f, label: "RSA 4096 EK" },
  secp256r1: { handle: 0x8101000a, certificate: 0x01c0000a, template: 0x01c0000b, label: "secp256r1 EK" },
  secp384r1: { handle: 0x81010016, certificate: 0x01c00016, template: 0x01c00017, label: "secp384r1 EK" },
  secp521r1: { handle: 0x81010018, certificate: 0x01c00018, template: 0x01c00019, label: "secp521r1 EK" },
};

/** @spec TCG PC Client Platform TPM Profile, "NV Storage" */
export const PLATFORM_CERTIFICATE = 0x01c08000;

/** The storage root key. @spec TCG TPM v2.0 Provisioning Guidance, "Reserved Handles" */
export const STORAGE_KEY = 0x81000001;

/** @spec TCG TPM 2.0 Keys for Device Identity and Attestation, "Handles" */
export const IDENTITY_PLACES = {
  iak: { handle: 0x81020001, certificate: 0x01c90100 },
  idevid: { handle: 0x81020000, certificate: 0x01c90200 },
} as const;

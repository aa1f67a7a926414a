import type { ManufacturePlan } from "./manufacture.ts";

/** A plan but for what does not depend on the layout. */
type Layout = Omit<ManufacturePlan, "allowSigning" | "decryption" | "lockNv">;

/** Layouts of keys and certificates that people meet. docs/manufacture.md says where they are known from. */
export const PRESETS = {
  /** What libvirt has swtpm_setup make. */
  qemu: {
    endorsementKeys: ["rsa2048", "secp384r1"],
    ekCertificates: true,
    platformCertificate: true,
    pcrBanks: ["sha256"],
  },
  azure: {
    storageKey: "rsa2048",
    endorsementKeys: ["rsa2048"],
    ekCertificates: true,
    platformCertificate: false,
    attestationKeys: [{ algorithm: "rsa2048", handle: 0x81000003, certificate: 0x01c101d0 }],
    pcrBanks: ["sha1", "sha256", "sha384"],
  },
  gcp: {
    endorsementKeys: ["rsa2048", "secp256r1"],
    ekCertificates: true,
    platformCertificate: false,
    attestationKeys: [
      { algorithm: "rsa2048", certificate: 0x01c10000, template: 0x01c10001 },
      { algorithm: "secp256r1", certificate: 0x01c10002, template: 0x01c10003 },
    ],
    pcrBanks: ["sha1", "sha256", "sha384"],
  },
  bare: { endorsementKeys: [], ekCertificates: false, platformCertificate: false },
} as const satisfies Readonly<Record<string, Layout>>;

export type Preset = keyof typeof PRESETS;

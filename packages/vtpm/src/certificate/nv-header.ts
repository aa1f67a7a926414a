import type { Bytes } from "@vtpm/wire";

/**
 * A certificate as the NV memory of a TPM 1.2 has it.
 *
 * @spec TCG PC Client Specific Implementation Specification for Conventional BIOS, "TCG_PCCLIENT_STORED_CERT"
 */
export function withNvHeader(certificate: Bytes): Bytes {
  const size = certificate.length + 2;
  return Uint8Array.of(0x10, 0x01, 0x00, size >> 8, size & 0xff, 0x10, 0x02, ...certificate);
}

import type { Bytes } from "@vtpm/wire";

/** A certificate in PEM. @spec RFC 7468 */
export function pemOfCertificate(der: Bytes): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

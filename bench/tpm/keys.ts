import { createPublicKey, type KeyObject } from "node:crypto";

/** A TPM's RSA key (exponent 65537) as node:crypto knows it. */
export function rsaPublicKey(modulus: Buffer): KeyObject {
  return createPublicKey({ key: { kty: "RSA", n: modulus.toString("base64url"), e: "AQAB" }, format: "jwk" });
}

/** A TPM's P-256 key as node:crypto knows it. */
export function eccPublicKey(point: { readonly x: Buffer; readonly y: Buffer }): KeyObject {
  const coordinate = (bytes: Buffer) => Buffer.concat([Buffer.alloc(32 - bytes.length), bytes]).toString("base64url");
  return createPublicKey({
    key: { kty: "EC", crv: "P-256", x: coordinate(point.x), y: coordinate(point.y) },
    format: "jwk",
  });
}

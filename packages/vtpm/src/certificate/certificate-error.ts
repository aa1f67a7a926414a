import { HostError } from "../host-error.ts";

/** `KEY`: a key cannot be used; `CERTIFICATE`: a certificate cannot; `CONTENT`: what is to be certified is not possible. */
export type CertificateErrorCode = "KEY" | "CERTIFICATE" | "CONTENT";

/** A certificate cannot be made. */
export class CertificateError extends HostError {
  override readonly name = "CertificateError";
  readonly code: CertificateErrorCode;

  constructor(code: CertificateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

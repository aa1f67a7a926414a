import { HostError } from "../host-error.ts";

/**
 * `PKCS11_URI`: the URI is none, or says nothing; `PKCS11_MODULE`: no module can be used; `PKCS11_TOKEN`, `PKCS11_KEY`: there is
 * none, or more than one; `PKCS11_PIN`: the token does not let us in; `PKCS11_CALL`: a function of the module failed.
 */
export type Pkcs11ErrorCode =
  | "PKCS11_URI"
  | "PKCS11_MODULE"
  | "PKCS11_TOKEN"
  | "PKCS11_KEY"
  | "PKCS11_PIN"
  | "PKCS11_CALL";

/** A key in a token cannot be used. */
export class Pkcs11Error extends HostError {
  override readonly name = "Pkcs11Error";
  readonly code: Pkcs11ErrorCode;

  constructor(code: Pkcs11ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

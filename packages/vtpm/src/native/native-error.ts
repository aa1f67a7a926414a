import { HostError } from "../host-error.ts";

/** Functions of the operating system that Node.js lacks cannot be had here. */
export class NativeError extends HostError {
  override readonly name = "NativeError";
  readonly code: "NATIVE_MISSING" | "NATIVE_PLATFORM";

  constructor(code: NativeError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

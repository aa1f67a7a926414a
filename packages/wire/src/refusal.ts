/**
 * Bytes that are not what a schema describes. `reason` is the name under which the protocol above knows the mistake
 * (for a TPM the name of a response code, such as `SIZE` or `RESERVED_BITS`).
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: string;
  /** Where in the input the refused value starts, or where more bytes were wanted. */
  readonly offset: number;
  /** What was expected and what was found, without reason and offset. */
  readonly detail: string;

  constructor(reason: string, offset: number, detail: string) {
    super(`${detail} (${reason} at offset ${offset})`);
    this.detail = detail;
    this.reason = reason;
    this.offset = offset;
  }
}

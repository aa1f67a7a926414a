/** Each way an envelope can be wrong, and the TPM_RESULT with which swtpm's control channel answers it. */
const RESULTS = {
  /** The total size in the header is not the size of what is there: cut off, or something follows. */
  SIZE: 3,
  /** The parts behind the header are not there, or not as the format has them. */
  PARTS: 9,
  /** A key is given, but the data is not encrypted. */
  NOT_ENCRYPTED: 9,
  /** The data is encrypted, and no key is given. */
  KEY_MISSING: 13,
  /** Nothing in it fits this key: another key encrypted it. */
  WRONG_KEY: 33,
  /** The key is the right one, the data is not what it was. */
  DAMAGED: 33,
  /** The data was encrypted with a key of another size. */
  KEY_SIZE: 40,
  HEADER_SIZE: 43,
  /** Made for readers of a later format. */
  VERSION: 46,
} as const;

export type EnvelopeErrorCode = keyof typeof RESULTS;

/** An envelope that cannot be opened; `code` says why. */
export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
  readonly code: EnvelopeErrorCode;

  constructor(code: EnvelopeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The TPM_RESULT that swtpm's control channel has for it. A wrong key and damage look the same to a client. */
  get result(): number {
    return RESULTS[this.code];
  }
}

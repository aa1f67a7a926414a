/** Bytes that are not an image of a TPM's state: names the field by its path, and where in the image it starts. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  /** From the outermost structure inward, such as `PERSISTENT_ALL.PERSISTENT_DATA.EPSeed`. */
  readonly path: string;
  readonly offset: number;

  constructor(path: string, offset: number, reason: string, options?: ErrorOptions) {
    super(`${path} at offset ${offset}: ${reason}`, options);
    this.path = path;
    this.offset = offset;
  }
}

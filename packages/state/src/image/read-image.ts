import { type Bytes, type Codec, Reader, Refusal, type Rules, type Tracer } from "@vtpm/wire";
import { ImageError } from "../image-error.ts";

/** Keeps the path to the part that is being read; the part that is refused stays the last. */
class Path implements Tracer {
  readonly #parts: string[] = [];

  part<T>(reader: Reader, name: string, codec: Codec<T>): T {
    this.#parts.push(name);
    const value = codec.read(reader);
    this.#parts.pop();
    return value;
  }

  toString(): string {
    return this.#parts.join(".");
  }
}

/** Reads an image, all of it. Throws an `ImageError` for what cannot be one. */
export function readImage<T>(codec: Codec<T>, bytes: Bytes, rules: Rules): T {
  const path = new Path();
  const reader = new Reader(bytes, rules, path);
  try {
    const value = reader.part(codec.name, codec);
    if (reader.remaining > 0) {
      throw new ImageError(codec.name, reader.offset, `${reader.remaining} bytes follow the image`);
    }
    return value;
  } catch (error) {
    if (error instanceof Refusal) throw new ImageError(String(path), error.offset, error.detail, { cause: error });
    throw error;
  }
}

import { createPrivateKey, createPublicKey } from "node:crypto";
import { bigIntToBytes } from "../big-integer.ts";
import { CURVES, type Curve } from "../ecc/curves.ts";
import type { Bytes, CurveName, Point } from "../provider.ts";
import { derContext0, derInteger, derOctetString, derSequence } from "./der.ts";
import { decodePoint, encodePoint, type NativeProducts } from "./native-products.ts";

const VERSION = derInteger(Uint8Array.of(1));
/** OBJECT IDENTIFIER prime-field, 1.2.840.10045.1.1 */
const PRIME_FIELD = Uint8Array.of(0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x01);

/**
 * Products of any point, by OpenSSL's constant-time ladder: a private key names its curve by explicit parameters, with the point as
 * generator, and the public key that OpenSSL makes for it is the product. So one multiplication gives both coordinates, on curves that
 * OpenSSL has no name for, too.
 *
 * @spec RFC 5915, "Elliptic Curve Private Key Format"; SEC 1, "Elliptic Curve Domain Parameters"
 */
export class GeneratorProducts implements NativeProducts {
  readonly #curve: Curve;
  /** An ECPrivateKey whose scalar and generator are still to be filled in. */
  readonly #template: Bytes;
  readonly #scalarAt: number;
  readonly #generatorAt: number;

  private constructor(curve: Curve) {
    const { p, a, b, n, h, G, fieldSize, orderSize } = curve;
    const generator = encodePoint(curve, G);
    const field = derSequence(PRIME_FIELD, derInteger(bigIntToBytes(p, fieldSize)));
    const equation = derSequence(
      derOctetString(bigIntToBytes(a, fieldSize)),
      derOctetString(bigIntToBytes(b, fieldSize)),
    );
    const group = Buffer.concat([derInteger(bigIntToBytes(n, orderSize)), derInteger(bigIntToBytes(h, 1))]);
    const parameters = derContext0(derSequence(VERSION, field, equation, derOctetString(generator), group));
    this.#curve = curve;
    this.#template = derSequence(VERSION, derOctetString(new Uint8Array(orderSize)), parameters);
    this.#scalarAt = this.#template.length - parameters.length - orderSize;
    this.#generatorAt = this.#template.length - group.length - generator.length;
  }

  /** `undefined` if this build of OpenSSL takes named curves only. */
  static create(name: CurveName): GeneratorProducts | undefined {
    const products = new GeneratorProducts(CURVES[name]);
    try {
      products.ofGenerator(1n);
      return products;
    } catch {
      // Whoever does without explicit parameters, as BoringSSL does, refuses the key.
      return undefined;
    }
  }

  ofGenerator(k: bigint): Point {
    return this.ofPoint(this.#curve.G, k);
  }

  ofPoint(point: Point, k: bigint): Point {
    const key = Buffer.alloc(this.#template.length);
    key.set(this.#template);
    key.set(bigIntToBytes(k, this.#curve.orderSize), this.#scalarAt);
    key.set(encodePoint(this.#curve, point), this.#generatorAt);
    const privateKey = createPrivateKey({ key, format: "der", type: "sec1" });
    key.fill(0);
    return decodePoint(this.#curve, createPublicKey(privateKey).export({ format: "der", type: "spki" }));
  }

  xOfPoint(point: Point, k: bigint): bigint {
    return this.ofPoint(point, k).x;
  }
}

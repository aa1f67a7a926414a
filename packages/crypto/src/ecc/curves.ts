import { mod } from "../big-integer.ts";
import type { CurveName, Point } from "../provider.ts";

/** Domain parameters of a curve `y^2 = x^3 + ax + b` over the prime field of `p`. */
export interface Curve {
  readonly name: CurveName;
  /** Prime of the field. */
  readonly p: bigint;
  readonly a: bigint;
  readonly b: bigint;
  /** Order of the generator, a prime. */
  readonly n: bigint;
  /** Cofactor; 1 for every curve a TPM has. */
  readonly h: bigint;
  /** Generator. */
  readonly G: Point;
  /** Size of the field, which is what Part 2 calls the key size, in bits. */
  readonly bits: number;
  /** Size in bytes of a coordinate. */
  readonly fieldSize: number;
  /** Size in bytes of a scalar, and of each half of a signature. */
  readonly orderSize: number;
}

/** The curves of the TCG Algorithm Registry that libtpms knows. @spec Part 2, "TPM_ECC_CURVE" */
export const CURVES: Readonly<Record<CurveName, Curve>> = {
  NIST_P192: {
    name: "NIST_P192",
    p: 0xfffffffffffffffffffffffffffffffeffffffffffffffffn,
    a: 0xfffffffffffffffffffffffffffffffefffffffffffffffcn,
    b: 0x64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1n,
    n: 0xffffffffffffffffffffffff99def836146bc9b1b4d22831n,
    h: 1n,
    G: {
      x: 0x188da80eb03090f67cbf20eb43a18800f4ff0afd82ff1012n,
      y: 0x07192b95ffc8da78631011ed6b24cdd573f977a11e794811n,
    },
    bits: 192,
    fieldSize: 24,
    orderSize: 24,
  },
  NIST_P224: {
    name: "NIST_P224",
    p: 0xffffffffffffffffffffffffffffffff000000000000000000000001n,
    a: 0xfffffffffffffffffffffffffffffffefffffffffffffffffffffffen,
    b: 0xb4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4n,
    n: 0xffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3dn,
    h: 1n,
    G: {
      x: 0xb70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21n,
      y: 0xbd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34n,
    },
    bits: 224,
    fieldSize: 28,
    orderSize: 28,
  },
  NIST_P256: {
    name: "NIST_P256",
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    a: 0xffffffff00000001000000000000000000000000fffffffffffffffffffffffcn,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    h: 1n,
    G: {
      x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
      y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
    },
    bits: 256,
    fieldSize: 32,
    orderSize: 32,
  },
  NIST_P384: {
    name: "NIST_P384",
    p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
    a: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffcn,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    h: 1n,
    G: {
      x: 0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n,
      y: 0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5fn,
    },
    bits: 384,
    fieldSize: 48,
    orderSize: 48,
  },
  NIST_P521: {
    name: "NIST_P521",
    p: (1n << 521n) - 1n,
    a: (1n << 521n) - 4n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
    n: 0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    h: 1n,
    G: {
      x: 0x00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66n,
      y: 0x011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650n,
    },
    bits: 521,
    fieldSize: 66,
    orderSize: 66,
  },
  BN_P256: {
    name: "BN_P256",
    p: 0xfffffffffffcf0cd46e5f25eee71a49f0cdc65fb12980a82d3292ddbaed33013n,
    a: 0n,
    b: 3n,
    n: 0xfffffffffffcf0cd46e5f25eee71a49e0cdc65fb1299921af62d536cd10b500dn,
    h: 1n,
    G: { x: 1n, y: 2n },
    bits: 256,
    fieldSize: 32,
    orderSize: 32,
  },
  BN_P638: {
    name: "BN_P638",
    p: 0x23fffffdc000000d7fffffb8000001d3fffff942d000165e3fff94870000d52ffffdd0e00008de55c00086520021e55bfffff51ffff4eb800000004c80015acdffffffffffffece00000000000000067n,
    a: 0n,
    b: 257n,
    n: 0x23fffffdc000000d7fffffb8000001d3fffff942d000165e3fff94870000d52ffffdd0e00008de55600086550021e555fffff54ffff4eac000000049800154d9ffffffffffffeda00000000000000061n,
    h: 1n,
    G: {
      x: 0x23fffffdc000000d7fffffb8000001d3fffff942d000165e3fff94870000d52ffffdd0e00008de55c00086520021e55bfffff51ffff4eb800000004c80015acdffffffffffffece00000000000000066n,
      y: 16n,
    },
    bits: 638,
    fieldSize: 80,
    orderSize: 80,
  },
  SM2_P256: {
    name: "SM2_P256",
    p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
    a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
    b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
    n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
    h: 1n,
    G: {
      x: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
      y: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
    },
    bits: 256,
    fieldSize: 32,
    orderSize: 32,
  },
};

/** Whether both coordinates are field elements and satisfy the curve's equation; every curve has cofactor 1, so no more is needed. */
export function isOnCurve(curve: CurveName, point: Point): boolean {
  const { p, a, b } = CURVES[curve];
  const { x, y } = point;
  if (x < 0n || x >= p || y < 0n || y >= p) return false;
  return mod(y * y - (x * x + a) * x - b, p) === 0n;
}

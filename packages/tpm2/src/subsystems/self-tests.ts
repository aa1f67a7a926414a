import {
  addPoints,
  bytesToBigInt,
  type CipherMode,
  type CipherName,
  type CryptoProvider,
  CURVES,
  type HashName,
  type Point,
} from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY, equalBytes, fromHex } from "@vtpm/wire";
import { TPM_ALG } from "../spec/constants.ts";

/** A computation whose result is known. */
type SelfTest = (crypto: CryptoProvider) => boolean;

const ascii = (text: string): Bytes => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** FIPS 180-4 and 202: the digest of "abc". */
const hashTest =
  (hashAlg: HashName, digest: string): SelfTest =>
  (crypto) =>
    equalBytes(crypto.hash(hashAlg, ascii("abc")), fromHex(digest));

/** RFC 4231, test case 2. */
const hmacTest: SelfTest = (crypto) =>
  equalBytes(
    crypto.hmac("SHA256", ascii("Jefe"), ascii("what do ya want for nothing?")),
    fromHex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
  );

const cipherTest =
  (
    cipher: CipherName,
    mode: CipherMode,
    vector: { key: string; iv?: string; plain: Bytes; encrypted: string },
  ): SelfTest =>
  (crypto) => {
    const [key, iv] = [fromHex(vector.key), vector.iv === undefined ? EMPTY : fromHex(vector.iv)];
    const encrypted = fromHex(vector.encrypted);
    return (
      equalBytes(crypto.encrypt(cipher, mode, key, iv, vector.plain).data, encrypted) &&
      equalBytes(crypto.decrypt(cipher, mode, key, iv, encrypted).data, vector.plain)
    );
  };

/** The block of FIPS 197, twice, so that the second depends on the first. */
const modeTest = (mode: CipherMode, encrypted: string): SelfTest =>
  cipherTest("AES", mode, {
    key: "000102030405060708090a0b0c0d0e0f",
    ...(mode === "ECB" ? {} : { iv: "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff" }),
    plain: fromHex("00112233445566778899aabbccddeeff".repeat(2)),
    encrypted,
  });

/** A key made for this test. */
const RSA_KEY = {
  modulus: fromHex(
    `bf1024f9c0da4cf371be3f36cafce8e9f44709948019e260328591a08cff83e9
     b9a33b7f2979a2580ab3b3153128debdd0af8c8cd08a6050fd916f0be7fc34eb
     859047b10bb07688b2bc7408a9c78edf38d81fba4d15edc7b90728faa692abbe
     72e596e5878e2a116125eab0edcdcc34eeb5d7cdde40c8097d1c73009362436b`,
  ),
  prime: fromHex(
    `f6bd39f1bf19995f5f9d70523b96af7f9b5b99762de09bb070da26c44c09c35b
     245eef3845264d69fe086ccb335486eb028eabc4b84f1b54b40e366fa187fc2d`,
  ),
  exponent: 65537,
};

const rsaTest: SelfTest = (crypto) => {
  const block = concatBytes(new Uint8Array(8), fromHex("0123456789abcdef".repeat(15)));
  const encrypted = fromHex(
    `499dcd814df095a9e85f3bb62d0ca738d65c588b572f85f5fd4182dc608d5c3c
     6e9997e562d2af166c8b13f5a55d650c2c3c3fd6d84ce15416c0efdd6d9f9ce4
     8711aa2545b004b22c1d691c42c7656352f116110874abcdc68eef9e29cfb720
     ea8f188fafa38506ea142bbba8d5e680aefcafb4851854d5928323c99203c6e5`,
  );
  return (
    equalBytes(crypto.rsaPublic(RSA_KEY.modulus, RSA_KEY.exponent, block), encrypted) &&
    equalBytes(crypto.rsaPrivate(RSA_KEY, encrypted), block)
  );
};

/** On every curve three times the generator is what the formula for the sum of two points gives. */
const curvesTest: SelfTest = (crypto) =>
  Object.values(CURVES).every((curve) => {
    const { name, G } = curve;
    const doubled = addPoints(curve, G, G);
    const expected = doubled === undefined ? undefined : addPoints(curve, doubled, G);
    return expected !== undefined && isSame(crypto.multiplyAdd(name, 3n, G, 0n), expected);
  });

const SCALAR = 112233445566778899n;

/** A product of NIST P-256, known from elsewhere. */
const PRODUCT = {
  x: bytesToBigInt(fromHex("339150844ec15234807fe862a86be77977dbfb3ae3d96f4c22795513aeaab82f")),
  y: bytesToBigInt(fromHex("b1c14ddfdc8ec1b2583f51e85a5eb3a155840f2034730e9b5ada38b674336a21")),
};

/**
 * The product of a point is that of the generator, where the point is the generator; on a curve of each kind of arithmetic.
 * On all curves it would take ten times as long for the sake of the two largest.
 */
const productsTest: SelfTest = (crypto) =>
  isSame(crypto.multiplyBase("NIST_P256", SCALAR), PRODUCT) &&
  isSame(crypto.multiply("NIST_P256", CURVES.NIST_P256.G, SCALAR), PRODUCT) &&
  ([CURVES.NIST_P192, CURVES.BN_P256] as const).every(
    ({ name, G }) => crypto.multiplyX(name, G, SCALAR) === crypto.multiplyAddX(name, SCALAR, G, 0n),
  );

const isSame = (point: Point | undefined, { x, y }: Point): boolean => point?.x === x && point.y === y;

const eccTest: SelfTest = (crypto) => curvesTest(crypto) && productsTest(crypto);

/** Algorithms that are built on others are tested by these. */
const TESTS = new Map<number, SelfTest>([
  [TPM_ALG.SHA1, hashTest("SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d")],
  [TPM_ALG.SHA256, hashTest("SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")],
  [
    TPM_ALG.SHA384,
    hashTest(
      "SHA384",
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
  ],
  [
    TPM_ALG.SHA512,
    hashTest(
      "SHA512",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
  ],
  [TPM_ALG.SHA3_256, hashTest("SHA3_256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532")],
  [
    TPM_ALG.SHA3_384,
    hashTest(
      "SHA3_384",
      "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
    ),
  ],
  [
    TPM_ALG.SHA3_512,
    hashTest(
      "SHA3_512",
      "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
    ),
  ],
  ...[TPM_ALG.HMAC, TPM_ALG.KEYEDHASH, TPM_ALG.KDF1_SP800_108].map((alg) => [alg, hmacTest] as const),
  [
    TPM_ALG.AES,
    cipherTest("AES", "ECB", {
      key: "000102030405060708090a0b0c0d0e0f",
      plain: fromHex("00112233445566778899aabbccddeeff"),
      encrypted: "69c4e0d86a7b0430d8cdb78070b4c55a", // FIPS 197
    }),
  ],
  [
    TPM_ALG.CAMELLIA,
    cipherTest("CAMELLIA", "ECB", {
      key: "0123456789abcdeffedcba9876543210",
      plain: fromHex("0123456789abcdeffedcba9876543210"),
      encrypted: "67673138549669730857065648eabe43", // RFC 3713
    }),
  ],
  [
    TPM_ALG.TDES,
    cipherTest("TDES", "ECB", {
      key: "0123456789abcdef23456789abcdef01456789abcdef0123",
      plain: ascii("The qufck brown fox jump"),
      encrypted: "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900", // SP 800-67
    }),
  ],
  [TPM_ALG.CTR, modeTest("CTR", "66b6e5db7007573f1fc874bcffcb4352b290f533f3cb5ada2c34d900a241f115")],
  [TPM_ALG.OFB, modeTest("OFB", "66b6e5db7007573f1fc874bcffcb43526e70bb891280ea2583f7cfad3d176f55")],
  [TPM_ALG.CBC, modeTest("CBC", "7702fc9b71c63d26a2f09df5c445102a24ea9d759e280fbdd6b1d259a6bacc8a")],
  [TPM_ALG.CFB, modeTest("CFB", "66b6e5db7007573f1fc874bcffcb4352ce3e63788a03c6b14fead38e83e7c19e")],
  [TPM_ALG.ECB, modeTest("ECB", "69c4e0d86a7b0430d8cdb78070b4c55a69c4e0d86a7b0430d8cdb78070b4c55a")],
  ...[TPM_ALG.RSA, TPM_ALG.RSASSA, TPM_ALG.RSAPSS, TPM_ALG.RSAES, TPM_ALG.OAEP].map((alg) => [alg, rsaTest] as const),
  ...[TPM_ALG.ECC, TPM_ALG.ECDSA, TPM_ALG.ECDH, TPM_ALG.ECDAA, TPM_ALG.ECSCHNORR, TPM_ALG.ECMQV, TPM_ALG.SM2].map(
    (alg) => [alg, eccTest] as const,
  ),
]);

/**
 * Tests what the algorithms are built on, each thing once. Throws for a wrong result, which takes the TPM into failure
 * mode: no answer of it could be trusted any more.
 */
export function runSelfTests(crypto: CryptoProvider, algorithms: Iterable<number>): void {
  const done = new Set<SelfTest>();
  for (const algorithm of algorithms) {
    const test = TESTS.get(algorithm);
    if (test === undefined || done.has(test)) continue;
    if (!test(crypto)) throw new Error(`self test of algorithm 0x${algorithm.toString(16)} failed`);
    done.add(test);
  }
}

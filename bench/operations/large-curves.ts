import { createHash, randomBytes } from "node:crypto";
import { bigIntToBytes, bytesToBigInt, CURVES, type CurveName, isOnCurve } from "@vtpm/crypto";
import { createNodeProvider } from "@vtpm/crypto/node";
import { hashedPoint } from "../hashed-point.ts";
import { type ByteReader, empty } from "../tpm/bytes.ts";
import { CURVE, commands, eccPoint, parametersOf, templates } from "../tpm/commands.ts";
import { expectEqual, expectTrue, type Operation } from "./operation.ts";

const crypto = createNodeProvider();

function readPoint(parameters: ByteReader) {
  parameters.u16();
  return { x: bytesToBigInt(parameters.sized()), y: bytesToBigInt(parameters.sized()) };
}

function operationsOn(name: CurveName & keyof typeof CURVE, label: string): readonly Operation[] {
  const curve = CURVES[name];
  const kind = "ECC, P-521 and BN P-638";
  const toBuffer = (coordinate: bigint) => Buffer.from(bigIntToBytes(coordinate, curve.fieldSize));
  return [
    {
      name: `VerifySignature, ${label}`,
      kind,
      metric: "p50",
      target: undefined,
      async prepare(client) {
        const parent = await client.createPrimary(templates.eccStorage());
        const key = await client.createAndLoad(parent.handle, templates.eccSign(CURVE[name]));
        const digest = createHash("sha256").update(randomBytes(10)).digest();
        const signed = await client.run(commands.sign(key.handle, digest));
        const send = [commands.verifySignature(key.handle, digest, signed.subarray(14, signed.length - 5))];
        return () => ({ send, check: (response) => expectTrue(parametersOf(response).u16() === 0x8022, "the ticket") });
      },
    },
    {
      name: `ECDH_ZGen, ${label}`,
      kind,
      metric: "p50",
      target: undefined,
      async prepare(client) {
        const parent = await client.createPrimary(templates.eccStorage());
        const key = await client.createAndLoad(parent.handle, templates.eccAgree(CURVE[name]));
        const { x, y } = eccPoint(key.publicArea);
        const secret = bytesToBigInt(randomBytes(64));
        const own = crypto.multiplyBase(name, secret) ?? curve.G;
        const shared = crypto.multiplyX(name, { x: bytesToBigInt(x), y: bytesToBigInt(y) }, secret) ?? 0n;
        const send = [commands.ecdhZgen(key.handle, toBuffer(own.x), toBuffer(own.y))];
        return () => ({
          send,
          check: (response) =>
            expectEqual(toBuffer(readPoint(parametersOf(response)).x), toBuffer(shared), "the shared secret"),
        });
      },
    },
    {
      name: `Commit, ${label}`,
      kind,
      metric: "p50",
      target: undefined,
      async prepare(client) {
        const parent = await client.createPrimary(templates.eccStorage());
        const key = await client.createAndLoad(parent.handle, templates.eccAnonymous(CURVE[name]));
        const { s2, y2 } = hashedPoint(curve) ?? { s2: empty, y2: empty };
        const send = [commands.commit(key.handle, eccPoint(key.publicArea), Buffer.from(s2), Buffer.from(y2))];
        return () => ({
          send,
          check(response) {
            const parameters = parametersOf(response);
            for (const point of ["K", "L", "E"])
              expectTrue(isOnCurve(name, readPoint(parameters)), `the point ${point}`);
          },
        });
      },
    },
  ];
}

/** Curves that take long: points of more than 500 bits. */
export const largeCurveOperations: readonly Operation[] = [
  ...operationsOn("NIST_P521", "P-521"),
  ...operationsOn("BN_P638", "BN P-638"),
];

import { createECDH, createHash, publicEncrypt, randomBytes, verify } from "node:crypto";
import { type ByteReader, u16 } from "../tpm/bytes.ts";
import { createdObject } from "../tpm/client.ts";
import { ALG, commands, eccPoint, handleOf, parametersOf, RH, rsaModulus, templates } from "../tpm/commands.ts";
import { eccPublicKey, rsaPublicKey } from "../tpm/keys.ts";
import { expectEqual, expectTrue, type Operation } from "./operation.ts";

const eccTarget = { must: 0.4, aim: 0.2 };
const rsaTarget = { must: 0.65, aim: 0.53 };
const loadTarget = { must: 1.3, aim: 1.0 };
const generation = { must: 1.2, aim: 1.0 };

const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest();
const flushLoaded = (response: Buffer) => [commands.flush(handleOf(response).handle)];

/** Checks a TPMT_SIGNATURE by ECDSA or RSASSA over the message. */
function checkSignature(signature: ByteReader, message: Buffer, publicArea: Buffer): void {
  const scheme = signature.u16();
  expectTrue(signature.u16() === ALG.SHA256, "the signature's hash");
  if (scheme === ALG.ECDSA) {
    const [r, s] = [signature.sized(), signature.sized()];
    const pad = (bytes: Buffer) => Buffer.concat([Buffer.alloc(32 - bytes.length), bytes]);
    const key = { key: eccPublicKey(eccPoint(publicArea)), dsaEncoding: "ieee-p1363" } as const;
    expectTrue(verify("sha256", message, key, Buffer.concat([pad(r), pad(s)])), "the signature");
  } else {
    expectTrue(verify("sha256", message, rsaPublicKey(rsaModulus(publicArea)), signature.sized()), "the signature");
  }
}

/** A unique value, so that a primary key is a new one. */
function freshUnique(): Buffer {
  return randomBytes(32);
}

function primaries(kind: "ECC" | "RSA"): readonly Operation[] {
  const template = kind === "ECC" ? templates.eccStorage : templates.rsaStorage;
  const check = (response: Buffer) => {
    const area = handleOf(response).parameters.sized();
    expectTrue((kind === "ECC" ? eccPoint(area).x : rsaModulus(area)).length >= 31, "the public key");
  };
  return [
    {
      name: `CreatePrimary ${kind}, a new template each time`,
      kind: kind === "ECC" ? "ECC, P-256" : "RSA key generation",
      metric: kind === "ECC" ? "p50" : "cpu",
      target: kind === "ECC" ? eccTarget : generation,
      slow: kind === "RSA",
      async prepare() {
        return () => ({
          send: [commands.createPrimary(RH.OWNER, template(freshUnique()))],
          check,
          cleanUp: flushLoaded,
        });
      },
    },
    {
      name: `CreatePrimary ${kind}, the same again`,
      kind: kind === "ECC" ? "ECC, P-256" : "RSA key seen before",
      metric: "p50",
      target: kind === "ECC" ? eccTarget : { must: 0.05, aim: 0.02 },
      slow: kind === "RSA",
      async prepare(client) {
        const key = await client.createPrimary(template());
        await client.run(commands.flush(key.handle));
        const send = [commands.createPrimary(RH.OWNER, template())];
        return () => ({
          send,
          check: (response) => expectEqual(handleOf(response).parameters.sized(), key.publicArea, "the key"),
          cleanUp: flushLoaded,
        });
      },
    },
  ];
}

function creation(name: string, template: () => Buffer, slow: boolean): Operation {
  return {
    name,
    kind: slow ? "RSA key generation" : "ECC, P-256",
    metric: slow ? "cpu" : "p50",
    target: slow ? generation : eccTarget,
    slow,
    async prepare(client) {
      const parent = await client.createPrimary(templates.eccStorage());
      const send = [commands.create(parent.handle, template())];
      return () => ({
        send,
        check: (response) => expectTrue(createdObject(response).privateArea.length > 60, "the private area"),
      });
    },
  };
}

function loading(name: string, template: () => Buffer): Operation {
  return {
    name,
    kind: "key protected by a parent",
    metric: "p50",
    target: loadTarget,
    async prepare(client) {
      const parent = await client.createPrimary(templates.eccStorage());
      const { privateArea, publicArea } = await client.create(parent.handle, template());
      const expected = Buffer.concat([u16(ALG.SHA256), sha256(publicArea)]);
      const send = [commands.load(parent.handle, privateArea, publicArea)];
      return () => ({
        send,
        check: (response) => expectEqual(handleOf(response).parameters.sized(), expected, "the name"),
        cleanUp: flushLoaded,
      });
    },
  };
}

function signing(kind: "ECC" | "RSA"): readonly Operation[] {
  const template = kind === "ECC" ? templates.eccSign : templates.rsaSign;
  const target = kind === "ECC" ? eccTarget : rsaTarget;
  const used = kind === "ECC" ? "ECC, P-256" : "RSA key";
  return [
    {
      name: kind === "ECC" ? "Sign, ECDSA P-256" : "Sign, RSASSA 2048",
      kind: used,
      metric: "p50",
      target,
      async prepare(client) {
        const parent = await client.createPrimary(templates.eccStorage());
        const key = await client.createAndLoad(parent.handle, template());
        return () => {
          const message = randomBytes(100);
          return {
            send: [commands.sign(key.handle, sha256(message))],
            check: (response) => checkSignature(parametersOf(response), message, key.publicArea),
          };
        };
      },
    },
    {
      name: `Quote, ${kind}`,
      kind: used,
      metric: "p50",
      target,
      async prepare(client) {
        const parent = await client.createPrimary(templates.eccStorage());
        const key = await client.createAndLoad(parent.handle, template());
        return () => {
          const nonce = randomBytes(20);
          return {
            send: [commands.quote(key.handle, nonce)],
            check(response) {
              const parameters = parametersOf(response);
              const attestation = parameters.sized();
              expectTrue(attestation.includes(nonce), "the quote's nonce");
              checkSignature(parameters, attestation, key.publicArea);
            },
          };
        };
      },
    },
    {
      name: `VerifySignature, ${kind}`,
      kind: used,
      metric: "p50",
      target: { must: 1.0, aim: 0.8 },
      async prepare(client) {
        const parent = await client.createPrimary(templates.eccStorage());
        const key = await client.createAndLoad(parent.handle, template());
        const digest = sha256(randomBytes(10));
        const signed = await client.run(commands.sign(key.handle, digest));
        const signature = signed.subarray(14, signed.length - 5);
        const send = [commands.verifySignature(key.handle, digest, signature)];
        return () => ({ send, check: (response) => expectTrue(parametersOf(response).u16() === 0x8022, "the ticket") });
      },
    },
  ];
}

/** Keys: made, loaded, used and moved. */
export const keyOperations: readonly Operation[] = [
  ...primaries("ECC"),
  ...primaries("RSA"),
  creation("Create ECC P-256", templates.eccSign, false),
  creation("Create RSA-2048", templates.rsaSign, true),
  loading("Load ECC", templates.eccSign),
  loading("Load RSA", templates.rsaSign),
  ...signing("ECC"),
  ...signing("RSA"),
  {
    name: "Certify, ECC",
    kind: "ECC, P-256",
    metric: "p50",
    target: eccTarget,
    async prepare(client) {
      const parent = await client.createPrimary(templates.eccStorage());
      const key = await client.createAndLoad(parent.handle, templates.eccSign());
      return () => ({
        send: [commands.certify(parent.handle, key.handle, randomBytes(20))],
        check(response) {
          const parameters = parametersOf(response);
          const attestation = parameters.sized();
          checkSignature(parameters, attestation, key.publicArea);
        },
      });
    },
  },
  {
    name: "RSA_Decrypt, OAEP",
    kind: "RSA key",
    metric: "p50",
    target: rsaTarget,
    async prepare(client) {
      const parent = await client.createPrimary(templates.eccStorage());
      const key = await client.createAndLoad(parent.handle, templates.rsaDecrypt());
      const publicKey = rsaPublicKey(rsaModulus(key.publicArea));
      return () => {
        const secret = randomBytes(32);
        const cipher = publicEncrypt({ key: publicKey, oaepHash: "sha256" }, secret);
        return {
          send: [commands.rsaDecrypt(key.handle, cipher)],
          check: (response) => expectEqual(parametersOf(response).sized(), secret, "the plain text"),
        };
      };
    },
  },
  {
    name: "ECDH_ZGen",
    kind: "ECC, P-256",
    metric: "p50",
    target: { must: 0.9, aim: 0.75 },
    async prepare(client) {
      const parent = await client.createPrimary(templates.eccStorage());
      const key = await client.createAndLoad(parent.handle, templates.eccAgree());
      const { x, y } = eccPoint(key.publicArea);
      const own = createECDH("prime256v1");
      const point = own.generateKeys();
      const expected = own.computeSecret(Buffer.concat([Buffer.from([4]), x, y]));
      const send = [commands.ecdhZgen(key.handle, point.subarray(1, 33), point.subarray(33))];
      return () => ({
        send,
        check(response) {
          const parameters = parametersOf(response);
          parameters.u16();
          expectEqual(parameters.sized(), expected, "the shared secret");
        },
      });
    },
  },
  {
    name: "Unseal",
    kind: "touches no key, state or disk",
    metric: "p50",
    target: { must: 1.6, aim: 1.35 },
    async prepare(client) {
      const parent = await client.createPrimary(templates.eccStorage());
      const secret = randomBytes(64);
      const object = await client.createAndLoad(parent.handle, templates.sealed(), secret);
      const send = [commands.unseal(object.handle)];
      return () => ({ send, check: (response) => expectEqual(parametersOf(response).sized(), secret, "the secret") });
    },
  },
  {
    name: "ContextSave",
    kind: "saved context",
    metric: "p50",
    target: undefined,
    async prepare(client) {
      const key = await client.createPrimary(templates.eccStorage());
      const send = [commands.contextSave(key.handle)];
      return () => ({
        send,
        check: (response) => expectTrue(parametersOf(response) !== undefined && response.length > 200, "the context"),
      });
    },
  },
  {
    name: "ContextLoad",
    kind: "saved context",
    metric: "p50",
    target: undefined,
    async prepare(client) {
      const key = await client.createPrimary(templates.eccStorage());
      const saved = await client.run(commands.contextSave(key.handle));
      const send = [commands.contextLoad(Buffer.from(saved.subarray(10)))];
      return () => ({ send, cleanUp: (response) => [commands.flush(handleOf(response).handle)] });
    },
  },
];

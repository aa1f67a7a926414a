import { createPortableProvider } from "@vtpm/crypto";
import { createNodeEntropy, createNodeProvider } from "@vtpm/crypto/node";
import {
  CreatePrimary,
  FlushContext,
  GetRandom,
  GetSessionAuditDigest,
  HashSequenceStart,
  HierarchyChangeAuth,
  NV_DefineSpace,
  NV_Read,
  NV_Write,
  PolicyAuthValue,
  PolicyGetDigest,
  PolicyPassword,
  SequenceUpdate,
} from "@vtpm/tpm2/commands";
import { TPM_ALG, TPM_ECC_CURVE, TPM_RH, TPMA_NV, TPMA_OBJECT, TPMS_ATTEST, type TPMT_PUBLIC } from "@vtpm/tpm2/spec";
import { type Bytes, EMPTY, fromHex, Reader, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { createTpm } from "../../vtpm/src/create-tpm.ts";
import type { StartSessionOptions } from "./start-session.ts";
import { startSession } from "./start-session.ts";
import { TpmClient } from "./tpm-client.ts";
import type { Transport } from "./transport.ts";

const crypto = { provider: createNodeProvider(), random: createNodeEntropy() };
const text = (value: string): Bytes => new TextEncoder().encode(value);
const SECRET = text("what nobody on the way may read");
const NV_INDEX = 0x01000001;
const NO_SCHEME = { scheme: TPM_ALG.NULL } as const;
const AES = { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB } as const;

const storage = {
  nameAlg: TPM_ALG.SHA256,
  objectAttributes: TPMA_OBJECT.of({
    fixedTPM: true,
    fixedParent: true,
    sensitiveDataOrigin: true,
    userWithAuth: true,
    restricted: true,
    decrypt: true,
  }),
  authPolicy: EMPTY,
} as const;
const eccOn = (curveID: (typeof TPM_ECC_CURVE)["NIST_P256" | "NIST_P384" | "BN_P256"]): TPMT_PUBLIC => ({
  ...storage,
  type: TPM_ALG.ECC,
  parameters: { symmetric: AES, scheme: NO_SCHEME, curveID, kdf: NO_SCHEME },
  unique: { x: EMPTY, y: EMPTY },
});
const rsa: TPMT_PUBLIC = {
  ...storage,
  type: TPM_ALG.RSA,
  parameters: { symmetric: AES, scheme: NO_SCHEME, keyBits: 2048, exponent: 0 },
  unique: EMPTY,
};

/** A TPM in this process and everything that was sent to it and came back. */
class Wire implements Transport {
  readonly #tpm = createTpm();
  /** In hex, so that texts are easily looked for. */
  seen = "";
  /** Changes the next response. */
  tamper: ((response: Bytes) => Bytes) | undefined;

  execute(command: Bytes): Bytes {
    const response = this.#tpm.execute(command);
    this.seen += `${toHex(command)} ${toHex(response)} `;
    const { tamper = (same: Bytes) => same } = this;
    this.tamper = undefined;
    return tamper(response);
  }
}

/** A TPM with an NV Index behind a password. */
async function started(authValue: Bytes = text("index"), authPolicy: Bytes = EMPTY) {
  const wire = new Wire();
  const client = new TpmClient(wire);
  const attributes = TPMA_NV.of({ AUTHREAD: true, AUTHWRITE: true, POLICYREAD: true, POLICYWRITE: true, NO_DA: true });
  const publicInfo = { nvIndex: NV_INDEX, nameAlg: TPM_ALG.SHA256, attributes, authPolicy, dataSize: SECRET.length };
  await client.call(NV_DefineSpace, { authHandle: TPM_RH.OWNER, auth: authValue, publicInfo });
  wire.seen = "";
  return { wire, client, authValue };
}

async function saltKey(client: TpmClient, inPublic: TPMT_PUBLIC) {
  const { objectHandle: handle, outPublic: publicArea } = await client.call(CreatePrimary, {
    primaryHandle: TPM_RH.OWNER,
    inSensitive: { userAuth: EMPTY, data: EMPTY },
    inPublic,
    outsideInfo: EMPTY,
    creationPCR: [],
  });
  return { handle, publicArea };
}

const at = { authHandle: NV_INDEX, nvIndex: NV_INDEX, offset: 0 } as const;
const reading = { ...at, size: SECRET.length } as const;

describe("a session that authorizes and encrypts both ways", () => {
  const ciphers: readonly (readonly [string, Partial<StartSessionOptions>])[] = [
    ["AES-128, SHA-256", {}],
    ["AES-256, SHA-384", { symmetric: { ...AES, keyBits: 256 }, hashAlg: "SHA384" }],
    ["Camellia, SHA-512", { symmetric: { ...AES, algorithm: TPM_ALG.CAMELLIA }, hashAlg: "SHA512" }],
    ["XOR, SHA-1", { symmetric: { algorithm: TPM_ALG.XOR, keyBits: TPM_ALG.SHA1 }, hashAlg: "SHA1" }],
    ["the portable provider", { provider: createPortableProvider() }],
  ];
  const salts: readonly (readonly [string, TPMT_PUBLIC | undefined])[] = [
    ["no salt", undefined],
    ["a salt for RSA-2048", rsa],
    ["a salt for P-256", eccOn(TPM_ECC_CURVE.NIST_P256)],
    ["a salt for P-384", eccOn(TPM_ECC_CURVE.NIST_P384)],
    ["a salt for BN P-256", eccOn(TPM_ECC_CURVE.BN_P256)],
  ];
  const all = ciphers.flatMap(([cipher, options]) => salts.map(([salt, key]) => ({ cipher, options, salt, key })));

  test.each(all)("$cipher, $salt", async ({ options, key }) => {
    const { wire, client, authValue } = await started();
    const salt = key && (await saltKey(client, key));
    const session = await startSession(client, { ...crypto, ...options, ...(salt && { salt }) });
    await client.call(NV_Write, { ...at, data: SECRET }, [session.authorize(authValue, { decrypt: true })]);
    for (let i = 0; i < 2; i++) {
      const { data } = await client.call(NV_Read, reading, [session.authorize(authValue, { encrypt: true })]);
      expect(data).toEqual(SECRET);
    }
    expect(wire.seen).not.toContain(toHex(SECRET));
    expect(wire.seen).not.toContain(toHex(authValue));
    const { data } = await client.call(NV_Read, reading, [session.authorize(authValue, { end: true })]);
    expect(data).toEqual(SECRET);
    expect(wire.seen).toContain(toHex(SECRET));
    await expect(client.call(FlushContext, { flushHandle: session.handle })).rejects.toMatchObject({
      name: "TpmRefusal",
    });
  });
});

test("a session bound to an entity knows its authValue, until that changes, and again when it is back", async () => {
  const { client } = await started();
  const [first, second] = [text("first"), text("second\0\0")];
  const owner = { authHandle: TPM_RH.OWNER } as const;
  await client.call(HierarchyChangeAuth, { ...owner, newAuth: first });
  const session = await startSession(client, { ...crypto, bind: { handle: TPM_RH.OWNER, authValue: first } });
  const change = (newAuth: Bytes, authValue: Bytes) =>
    client.call(HierarchyChangeAuth, { ...owner, newAuth }, [
      session.authorize(authValue, { decrypt: true, newAuthValue: newAuth }),
    ]);
  await change(second, first);
  await change(first, second);
  await change(EMPTY, first);
  await change(first, EMPTY);
  await expect(change(first, text("wrong"))).rejects.toMatchObject({ rc: 0x9a2 });
});

test("a bound session that audits is bound no more", async () => {
  const { client, authValue } = await started();
  await client.call(NV_Write, { ...at, data: SECRET }, [authValue]);
  const session = await startSession(client, { ...crypto, bind: { handle: NV_INDEX, authValue } });
  const use = () => session.authorize(authValue, { audit: true, encrypt: true });
  for (let i = 0; i < 3; i++) expect((await client.call(NV_Read, reading, [use()])).data).toEqual(SECRET);
});

test("a session that goes along encrypts for one that authorizes, and audits", async () => {
  const { wire, client, authValue } = await started();
  const encrypting = await startSession(client, crypto);
  const auditing = await startSession(client, crypto);
  await client.call(NV_Write, { ...at, data: SECRET }, [authValue, encrypting.accompany({ decrypt: true })]);
  const authorizing = await startSession(client, crypto);
  const { data } = await client.call(NV_Read, reading, [
    authorizing.authorize(authValue),
    encrypting.accompany({ encrypt: true }),
    auditing.accompany({ audit: true }),
  ]);
  expect(data).toEqual(SECRET);
  expect(wire.seen).not.toContain(toHex(SECRET));
  const { randomBytes } = await client.call(GetRandom, { bytesRequested: 16 }, [
    encrypting.accompany({ encrypt: true }),
  ]);
  expect(wire.seen).not.toContain(toHex(randomBytes));
  const request = {
    privacyAdminHandle: TPM_RH.ENDORSEMENT,
    signHandle: TPM_RH.NULL,
    sessionHandle: auditing.handle,
    qualifyingData: EMPTY,
    inScheme: NO_SCHEME,
  } as const;
  const { auditInfo } = await client.call(GetSessionAuditDigest, request, [authorizing.authorize()]);
  // Only the command that it went along with has been extended.
  expect(new Reader(auditInfo).part("auditInfo", TPMS_ATTEST)).toMatchObject({
    attested: { exclusiveSession: 0, sessionDigest: expect.objectContaining({ length: 32 }) },
  });
});

test("an object without a Name is authorized all the same", async () => {
  const { client } = await started();
  const auth = text("sequence");
  const { sequenceHandle } = await client.call(HashSequenceStart, { auth, hashAlg: TPM_ALG.SHA256 });
  const session = await startSession(client, crypto);
  const buffer = text("data");
  await client.call(SequenceUpdate, { sequenceHandle, buffer }, [session.authorize(auth, { decrypt: true })]);
  await expect(
    client.call(SequenceUpdate, { sequenceHandle, buffer }, [session.authorize(text("wrong"))]),
  ).rejects.toMatchObject({ name: "TpmRefusal" });
});

describe("a policy session", () => {
  /** What a trial session says that the digest of a policy is. */
  async function digestOf(assertion: typeof PolicyAuthValue | typeof PolicyPassword): Promise<Bytes> {
    const client = new TpmClient(createTpm());
    const { handle: policySession } = await startSession(client, { ...crypto, type: "trial" });
    await client.call(assertion, { policySession });
    return (await client.call(PolicyGetDigest, { policySession })).policyDigest;
  }

  test.each([
    ["TPM2_PolicyAuthValue", PolicyAuthValue, "hmac"],
    ["TPM2_PolicyPassword", PolicyPassword, "password"],
  ] as const)("with %s proves the authValue", async (_, assertion, proof) => {
    const { wire, client, authValue } = await started(text("index"), await digestOf(assertion));
    const salt = await saltKey(client, eccOn(TPM_ECC_CURVE.NIST_P256));
    const session = await startSession(client, { ...crypto, type: "policy", salt });
    const use = async (options: object, value: Bytes = authValue) => {
      await client.call(assertion, { policySession: session.handle });
      return session.authorize(value, { proof, ...options });
    };
    await client.call(NV_Write, { ...at, data: SECRET }, [await use({ decrypt: true })]);
    const { data } = await client.call(NV_Read, reading, [await use({ encrypt: true })]);
    expect(data).toEqual(SECRET);
    expect(wire.seen).not.toContain(toHex(SECRET));
    expect(wire.seen.includes(toHex(authValue))).toBe(proof === "password");
    await expect(client.call(NV_Read, reading, [await use({}, text("wrong"))])).rejects.toMatchObject({
      name: "TpmRefusal",
    });
  });
});

describe("a response that was changed on its way", () => {
  test.each([
    ["in its parameters", (response: Bytes) => response.with(20, 255 - (response[20] ?? 0))],
    ["in its HMAC", (response: Bytes) => response.with(response.length - 1, 255 - (response.at(-1) ?? 0))],
    ["in its nonce", (response: Bytes) => response.with(response.length - 40, 255 - (response.at(-40) ?? 0))],
  ])("%s is not believed", async (_, tamper) => {
    const { wire, client, authValue } = await started();
    const session = await startSession(client, crypto);
    await client.call(NV_Write, { ...at, data: SECRET }, [session.authorize(authValue)]);
    const original = client.call(NV_Read, reading, [session.authorize(authValue)]);
    await original;
    const names = wire.execute.bind(wire);
    let left = 2;
    wire.execute = (command) => (left-- > 0 ? names(command) : tamper(names(command)));
    await expect(client.call(NV_Read, reading, [session.authorize(authValue)])).rejects.toMatchObject({
      name: "ClientError",
      code: "UNAUTHENTIC",
    });
  });
});

test("a key that no salt can be encrypted to is refused by name", async () => {
  const { client } = await started();
  const salt = await saltKey(client, eccOn(TPM_ECC_CURVE.NIST_P256));
  const { publicArea } = salt;
  if (publicArea.type !== TPM_ALG.ECC) throw new Error("expected an ECC key");
  const beside = { ...publicArea, unique: { x: fromHex("01"), y: fromHex("01") } };
  await expect(startSession(client, { ...crypto, salt: { ...salt, publicArea: beside } })).rejects.toThrow(
    "the point of the key is not on NIST_P256",
  );
});

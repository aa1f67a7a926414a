/**
 * What the commands that work with points take on every curve, in this process and with either crypto provider, in milliseconds of
 * processor time. `npm run bench:curves` prints a table for each provider.
 */
import { createHash, randomBytes } from "node:crypto";
import { TpmClient } from "@vtpm/client";
import { type CryptoProvider, CURVES, type Curve, type CurveName, createPortableProvider } from "@vtpm/crypto";
import { createNodeProvider } from "@vtpm/crypto/node";
import { Tpm } from "@vtpm/tpm2";
import {
  ActivateCredential,
  Commit,
  Create,
  CreatePrimary,
  EC_Ephemeral,
  ECC_Decrypt,
  ECC_Encrypt,
  ECDH_KeyGen,
  ECDH_ZGen,
  FlushContext,
  Load,
  MakeCredential,
  Sign,
  StartAuthSession,
  Startup,
  VerifySignature,
  ZGen_2Phase,
} from "@vtpm/tpm2/commands";
import {
  TPM_ALG,
  TPM_ECC_CURVE,
  TPM_RH,
  TPM_SE,
  TPM_SU,
  TPMA_OBJECT,
  TPMS_ECC_POINT,
  type TPMT_PUBLIC,
} from "@vtpm/tpm2/spec";
import { type Bytes, EMPTY, encode } from "@vtpm/wire";
import { NodePlatform } from "vtpm";
import { hashedPoint } from "./hashed-point.ts";
import { markdown } from "./report.ts";

type Template = TPMT_PUBLIC;
type EccTemplate = Extract<Template, { readonly type: typeof TPM_ALG.ECC }>;
type Attributes = Parameters<typeof TPMA_OBJECT.of>[0];
type CurveId = EccTemplate["parameters"]["curveID"];

const ROUNDS = 15;
const WARM_UP_ROUNDS = 10;
const NULL_SCHEME = { scheme: TPM_ALG.NULL } as const;
const SHA256 = { hashAlg: TPM_ALG.SHA256 } as const;
const NO_TICKET = { tag: 0x8024, hierarchy: TPM_RH.NULL, digest: EMPTY } as const;

/** A TPM that computes with the given provider. */
class BenchedPlatform extends NodePlatform {
  override readonly crypto: CryptoProvider;

  constructor(crypto: CryptoProvider) {
    super();
    this.crypto = crypto;
  }
}

function eccTemplate(
  curveID: CurveId,
  attributes: Attributes,
  scheme: EccTemplate["parameters"]["scheme"] = NULL_SCHEME,
): EccTemplate {
  const symmetric: EccTemplate["parameters"]["symmetric"] =
    attributes.restricted === true
      ? { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB }
      : { algorithm: TPM_ALG.NULL };
  return {
    type: TPM_ALG.ECC,
    nameAlg: TPM_ALG.SHA256,
    objectAttributes: TPMA_OBJECT.of({
      fixedTPM: true,
      fixedParent: true,
      sensitiveDataOrigin: true,
      userWithAuth: true,
      ...attributes,
    }),
    authPolicy: EMPTY,
    parameters: { symmetric, scheme, curveID, kdf: NULL_SCHEME },
    // A new key each time: what was computed once is not remembered.
    unique: { x: randomBytes(16), y: EMPTY },
  };
}

/** Milliseconds of processor time, the median of all rounds. */
async function time(run: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) taken.push((user + system) / 1000);
  }
  return taken.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}

/** The commands on one curve, by name. */
async function commandsOn(client: TpmClient, curveID: CurveId, curve: Curve): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number>();
  const creation = { inSensitive: { userAuth: EMPTY, data: EMPTY }, outsideInfo: EMPTY, creationPCR: [] } as const;
  const primary = (template: Template) =>
    client.call(CreatePrimary, { ...creation, primaryHandle: TPM_RH.OWNER, inPublic: template });
  const flush = (flushHandle: number) => client.call(FlushContext, { flushHandle });
  const timed = async (name: string, run: () => Promise<unknown>) => {
    times.set(name, Math.max(await time(run), times.get(name) ?? 0));
  };

  await timed("CreatePrimary", async () =>
    flush((await primary(eccTemplate(curveID, { restricted: true, decrypt: true }))).objectHandle),
  );

  const parent = (await primary(eccTemplate(curveID, { restricted: true, decrypt: true }))).objectHandle;
  const inPublic = eccTemplate(curveID, { sign: true });
  await timed("Create", () => client.call(Create, { ...creation, parentHandle: parent, inPublic }));
  const created = await client.call(Create, { ...creation, parentHandle: parent, inPublic });
  const loadable = { parentHandle: parent, inPrivate: created.outPrivate, inPublic: created.outPublic };
  await timed("Load", async () => flush((await client.call(Load, loadable)).objectHandle));

  const { objectHandle: keyHandle } = await client.call(Load, loadable);
  for (const scheme of [TPM_ALG.ECDSA, TPM_ALG.ECSCHNORR, TPM_ALG.SM2] as const) {
    const digest: Bytes = createHash("sha256").update(randomBytes(8)).digest();
    const request = { keyHandle, digest, inScheme: { scheme, details: SHA256 }, validation: NO_TICKET } as const;
    await timed("Sign", () => client.call(Sign, request));
    const { signature } = await client.call(Sign, request);
    await timed("VerifySignature", () => client.call(VerifySignature, { keyHandle, digest, signature }));
  }
  await flush(keyHandle);

  const { objectHandle: activateHandle, name: objectName } = await client.call(Load, loadable);
  const credentialRequest = { handle: parent, credential: randomBytes(16), objectName } as const;
  await timed("MakeCredential", () => client.call(MakeCredential, credentialRequest));
  const { credentialBlob, secret } = await client.call(MakeCredential, credentialRequest);
  const activation = { activateHandle, keyHandle: parent, credentialBlob, secret } as const;
  await timed("ActivateCredential", () => client.call(ActivateCredential, activation));
  await flush(activateHandle);

  const { pubPoint: salt } = await client.call(ECDH_KeyGen, { keyHandle: parent });
  const session = {
    tpmKey: parent,
    bind: TPM_RH.NULL,
    nonceCaller: randomBytes(16),
    encryptedSalt: encode(TPMS_ECC_POINT, salt),
    sessionType: TPM_SE.HMAC,
    symmetric: { algorithm: TPM_ALG.NULL },
    authHash: TPM_ALG.SHA256,
  } as const;
  await timed("StartAuthSession", async () => flush((await client.call(StartAuthSession, session)).sessionHandle));
  await flush(parent);

  const agreement = (await primary(eccTemplate(curveID, { decrypt: true }))).objectHandle;
  await timed("ECDH_KeyGen", () => client.call(ECDH_KeyGen, { keyHandle: agreement }));
  await timed("ECDH_ZGen", () => client.call(ECDH_ZGen, { keyHandle: agreement, inPoint: salt }));
  const inScheme = { scheme: TPM_ALG.KDF2, details: SHA256 } as const;
  const encryption = { keyHandle: agreement, plainText: randomBytes(64), inScheme } as const;
  await timed("ECC_Encrypt", () => client.call(ECC_Encrypt, encryption));
  const cipherText = await client.call(ECC_Encrypt, encryption);
  await timed("ECC_Decrypt", () => client.call(ECC_Decrypt, { keyHandle: agreement, ...cipherText, inScheme }));
  await timed("EC_Ephemeral", () => client.call(EC_Ephemeral, { curveID }));
  for (const scheme of [TPM_ALG.ECDH, TPM_ALG.ECMQV, TPM_ALG.SM2] as const) {
    const counters: number[] = [];
    for (let i = 0; i < WARM_UP_ROUNDS + ROUNDS; i++)
      counters.push((await client.call(EC_Ephemeral, { curveID })).counter);
    await timed("ZGen_2Phase", () => {
      const counter = counters.shift() ?? 0;
      return client.call(ZGen_2Phase, { keyA: agreement, inQsB: salt, inQeB: salt, inScheme: scheme, counter });
    });
  }
  await flush(agreement);

  const anonymous = eccTemplate(curveID, { sign: true }, { scheme: TPM_ALG.ECDAA, details: { ...SHA256, count: 0 } });
  const signHandle = (await primary(anonymous)).objectHandle;
  const basePoint = hashedPoint(curve);
  if (basePoint) await timed("Commit", () => client.call(Commit, { signHandle, P1: salt, ...basePoint }));
  await flush(signHandle);
  return times;
}

const names = Object.keys(CURVES) as CurveName[];
for (const provider of [createNodeProvider(), createPortableProvider()]) {
  const columns: ReadonlyMap<string, number>[] = [];
  for (const name of names) {
    const tpm = Tpm.manufacture(new BenchedPlatform(provider));
    tpm.powerOn();
    const client = new TpmClient(tpm);
    await client.call(Startup, { startupType: TPM_SU.CLEAR });
    columns.push(await commandsOn(client, TPM_ECC_CURVE[name], CURVES[name]));
  }
  const commands = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const rows = commands.map((command) => [command, ...columns.map((column) => column.get(command)?.toFixed(1) ?? "-")]);
  console.log(["", ...markdown([[`ms, provider ${provider.name}`, ...names], ...rows])].join("\n"));
}

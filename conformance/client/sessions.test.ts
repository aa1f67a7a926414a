import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSession, type TpmClient } from "@vtpm/client";
import { createPortableProvider } from "@vtpm/crypto";
import { createNodeEntropy, createNodeProvider } from "@vtpm/crypto/node";
import {
  CreatePrimary,
  HierarchyChangeAuth,
  NV_DefineSpace,
  NV_Read,
  NV_Write,
  PolicyAuthValue,
  PolicyGetDigest,
} from "@vtpm/tpm2/commands";
import { TPM_ALG, TPM_ECC_CURVE, TPM_RH, TPMA_NV, TPMA_OBJECT, type TPMT_PUBLIC } from "@vtpm/tpm2/spec";
import { type Bytes, EMPTY } from "@vtpm/wire";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { OPENERS, OpenedTpm, type Opener } from "../manufacture/opened-tpm.ts";

const programs = (Object.keys(OPENERS) as Opener[]).filter(
  (name) => name === "this project" || !inject("missingPrograms").includes("swtpm"),
);
const random = createNodeEntropy();
const providers = [createNodeProvider(), createPortableProvider()];
const text = (value: string): Bytes => new TextEncoder().encode(value);
const AES = { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB } as const;
const NO_SCHEME = { scheme: TPM_ALG.NULL } as const;
const [OWNER, SECRET, PIN] = [text("owner"), text("a secret of thirty-two bytes, no!"), text("pin")];
const nvIndex = 0x01000001;
const at = { authHandle: nvIndex, nvIndex, offset: 0 } as const;

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
const keys: Readonly<Record<string, TPMT_PUBLIC>> = {
  "RSA-2048": {
    ...storage,
    type: TPM_ALG.RSA,
    parameters: { symmetric: AES, scheme: NO_SCHEME, keyBits: 2048, exponent: 0 },
    unique: EMPTY,
  },
  "P-384": {
    ...storage,
    type: TPM_ALG.ECC,
    parameters: { symmetric: AES, scheme: NO_SCHEME, curveID: TPM_ECC_CURVE.NIST_P384, kdf: NO_SCHEME },
    unique: { x: EMPTY, y: EMPTY },
  },
};

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "vtpm-sessions-"));
});
afterEach(() => rmSync(state, { recursive: true }));

async function saltKey(client: TpmClient, inPublic: TPMT_PUBLIC) {
  const { objectHandle: handle, outPublic: publicArea } = await client.call(
    CreatePrimary,
    {
      primaryHandle: TPM_RH.OWNER,
      inSensitive: { userAuth: EMPTY, data: EMPTY },
      inPublic,
      outsideInfo: EMPTY,
      creationPCR: [],
    },
    [OWNER],
  );
  return { handle, publicArea };
}

describe.each(programs)("the client's sessions with %s", (program) => {
  test.each(Object.keys(keys).flatMap((key) => providers.map((provider) => ({ key, provider, name: provider.name }))))(
    "salted for $key, bound to the owner, and by policy: the $name provider",
    async ({ key, provider }) => {
      await OpenedTpm.with(program, state, async ({ client }) => {
        const crypto = { provider, random };
        await client.call(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: OWNER });
        const template = keys[key];
        if (template === undefined) throw new Error(`no key ${key}`);
        const salt = await saltKey(client, template);
        const bind = { handle: TPM_RH.OWNER, authValue: OWNER };
        const bound = await startSession(client, { ...crypto, salt, bind });

        const trial = await startSession(client, { ...crypto, type: "trial" });
        await client.call(PolicyAuthValue, { policySession: trial.handle });
        const { policyDigest: authPolicy } = await client.call(PolicyGetDigest, { policySession: trial.handle });
        const attributes = TPMA_NV.of({ AUTHREAD: true, AUTHWRITE: true, POLICYREAD: true, NO_DA: true });
        const publicInfo = { nvIndex, nameAlg: TPM_ALG.SHA256, attributes, authPolicy, dataSize: SECRET.length };
        // The new authValue is the first parameter: nobody sees it.
        const definition = { authHandle: TPM_RH.OWNER, auth: PIN, publicInfo };
        await client.call(NV_DefineSpace, definition, [bound.authorize(OWNER, { decrypt: true })]);
        await client.call(NV_Write, { ...at, data: SECRET }, [bound.authorize(PIN, { decrypt: true })]);

        const reading = { ...at, size: SECRET.length } as const;
        const policy = await startSession(client, { ...crypto, salt, type: "policy" });
        for (let i = 0; i < 2; i++) {
          await client.call(PolicyAuthValue, { policySession: policy.handle });
          const auditing = { audit: true, encrypt: true } as const;
          const uses = [policy.authorize(PIN, { proof: "hmac" }), bound.accompany(auditing)];
          expect((await client.call(NV_Read, reading, uses)).data).toEqual(SECRET);
        }
        const change = { authHandle: TPM_RH.OWNER, newAuth: PIN } as const;
        const changing = bound.authorize(OWNER, { decrypt: true, newAuthValue: PIN, end: true });
        await client.call(HierarchyChangeAuth, change, [changing]);
        const wrong = await startSession(client, { ...crypto, salt });
        await expect(client.call(NV_Read, reading, [wrong.authorize(OWNER)])).rejects.toMatchObject({
          name: "TpmRefusal",
        });
      });
    },
  );
});

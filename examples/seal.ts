import { startSession, TpmClient } from "@vtpm/client";
import { createNodeEntropy, createNodeProvider } from "@vtpm/crypto/node";
import { Create, CreatePrimary, Load, PCR_Event, PolicyGetDigest, PolicyPCR, Unseal } from "@vtpm/tpm2/commands";
import { TPM_ALG, TPM_ECC_CURVE, TPM_RH, TPMA_OBJECT } from "@vtpm/tpm2/spec";
import { createTpm } from "vtpm";

const tpm = createTpm();
const client = new TpmClient(tpm); // or connected to any TPM: see @vtpm/client/node
const crypto = { provider: createNodeProvider(), random: createNodeEntropy() };
const none = new Uint8Array();
const pcr16 = { pcrDigest: none, pcrs: [{ hash: TPM_ALG.SHA256, pcrSelect: Uint8Array.of(0, 0, 1) }] };
const policy = async (type: "trial" | "policy") => {
  const session = await startSession(client, { ...crypto, type });
  await client.call(PolicyPCR, { policySession: session.handle, ...pcr16 });
  return session;
};

// A storage key, and a secret below it that only the present value of PCR 16 opens.
const fixed = { fixedTPM: true, fixedParent: true } as const;
const { objectHandle: parentHandle } = await client.call(CreatePrimary, {
  primaryHandle: TPM_RH.OWNER,
  inSensitive: { userAuth: none, data: none },
  inPublic: {
    type: TPM_ALG.ECC,
    nameAlg: TPM_ALG.SHA256,
    objectAttributes: TPMA_OBJECT.of({
      ...fixed,
      sensitiveDataOrigin: true,
      userWithAuth: true,
      restricted: true,
      decrypt: true,
    }),
    authPolicy: none,
    parameters: {
      symmetric: { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB },
      scheme: { scheme: TPM_ALG.NULL },
      curveID: TPM_ECC_CURVE.NIST_P256,
      kdf: { scheme: TPM_ALG.NULL },
    },
    unique: { x: none, y: none },
  },
  outsideInfo: none,
  creationPCR: [],
});
const { policyDigest } = await client.call(PolicyGetDigest, { policySession: (await policy("trial")).handle });
const { outPrivate, outPublic } = await client.call(Create, {
  parentHandle,
  inSensitive: { userAuth: none, data: new TextEncoder().encode("the secret") },
  inPublic: {
    type: TPM_ALG.KEYEDHASH,
    nameAlg: TPM_ALG.SHA256,
    objectAttributes: TPMA_OBJECT.of(fixed),
    authPolicy: policyDigest,
    parameters: { scheme: { scheme: TPM_ALG.NULL } },
    unique: none,
  },
  outsideInfo: none,
  creationPCR: [],
});

const sealed = await client.call(Load, { parentHandle, inPrivate: outPrivate, inPublic: outPublic });
const open = (await policy("policy")).authorize(none, { encrypt: true }); // the secret is encrypted on its way
const { outData } = await client.call(Unseal, { itemHandle: sealed.objectHandle }, [open]);
console.log(new TextDecoder().decode(outData)); // the secret

await client.call(PCR_Event, { pcrHandle: 16, eventData: Uint8Array.of(1) });
const late = (await policy("policy")).authorize();
await client.call(Unseal, { itemHandle: sealed.objectHandle }, [late]).catch(console.log); // TPM_RC_POLICY_FAIL

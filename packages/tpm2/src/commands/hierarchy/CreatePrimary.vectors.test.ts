import { type Bytes, decode, EMPTY, encode, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1, DEFAULT_V2, NULL_PROFILE, type Profile } from "../../profile.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMT_PUBLIC } from "../../spec/structures/index.ts";
import { type ANY_OBJECT, SLOT } from "../../state/object.ts";
import { flushAll, readLibtpmsVectors, type Secrets, setSecrets } from "../../testing/libtpms-vectors.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { CreatePrimary } from "./CreatePrimary.ts";

interface PrimaryVector {
  readonly name: string;
  readonly hierarchy: "OWNER" | "ENDORSEMENT" | "PLATFORM";
  readonly template: string;
  readonly sensitiveData: string;
  readonly outPublic: string;
  readonly objectName: string;
  readonly creationTicketDigest?: string;
  readonly seedValue: string;
  readonly secondPrime?: string;
  readonly d?: string;
  readonly sensitive?: string;
  /** In files of real states; synthetic ones have the seeds at the top. */
  readonly seed?: string;
  readonly seedCompatLevel?: number;
}

interface PrimaryFile extends Secrets {
  readonly seedCompatLevel?: number;
  readonly vectors: readonly PrimaryVector[];
}

const FILES: readonly (readonly [name: string, profile: Profile])[] = [
  ["synthetic-level0-lib092", NULL_PROFILE],
  ["synthetic-level1-lib092", NULL_PROFILE],
  ["synthetic-level1-lib011", DEFAULT_V1],
  ["lib092-null.primaries", NULL_PROFILE],
  ["lib092-seedlevel0.primaries", NULL_PROFILE],
  ["lib011-default-v1.primaries", DEFAULT_V1],
  ["lib011-default-v2.primaries", DEFAULT_V2],
];

const SEED_OF = { OWNER: "SPSeed", ENDORSEMENT: "EPSeed", PLATFORM: "PPSeed" } as const;
const PROOFS = ["phProof", "shProof", "ehProof"] as const;

function secretsFor(file: PrimaryFile, vector: PrimaryVector): Secrets {
  const seed = vector.seed ?? file[SEED_OF[vector.hierarchy]];
  if (seed === undefined) throw new Error(`no seed for ${vector.name}`);
  const proofs = PROOFS.flatMap((name) => (file[name] === undefined ? [] : [[name, file[name]] as const]));
  return { ...Object.fromEntries(proofs), [SEED_OF[vector.hierarchy]]: seed };
}

function keySensitive(object: ANY_OBJECT | undefined): { readonly seedValue: Bytes; readonly sensitive: Bytes } {
  if (object?.kind !== SLOT.KEY || object.sensitive === undefined) throw new Error("no key was loaded");
  return object.sensitive;
}

describe.each(FILES)("the primary objects of %s", (fileName, profile) => {
  const file = readLibtpmsVectors<PrimaryFile>(fileName);
  const tpm = TestTpm.started({ profile });

  test.each(file.vectors)("$name is as libtpms makes it", (vector) => {
    flushAll(tpm);
    setSecrets(tpm, secretsFor(file, vector), vector.seedCompatLevel ?? file.seedCompatLevel ?? 1);
    const { text, out } = tpm.run(CreatePrimary, {
      primaryHandle: TPM_RH[vector.hierarchy],
      inSensitive: { userAuth: EMPTY, data: fromHex(vector.sensitiveData) },
      inPublic: decode(TPMT_PUBLIC, fromHex(vector.template), profile),
      outsideInfo: EMPTY,
      creationPCR: [],
    });
    expect(text).toBe("TPM_RC_SUCCESS");
    expect(toHex(encode(TPMT_PUBLIC, out.outPublic))).toBe(vector.outPublic);
    expect(toHex(out.name)).toBe(vector.objectName);
    if (vector.creationTicketDigest !== undefined) {
      expect(toHex(out.creationTicket.digest)).toBe(vector.creationTicketDigest);
    }
    const { seedValue, sensitive } = keySensitive(tpm.tpm.state.ram.objects.get(out.objectHandle));
    expect(toHex(sensitive)).toBe(vector.secondPrime ?? vector.d ?? vector.sensitive);
    const { type, objectAttributes } = out.outPublic;
    const isSymmetric = type === TPM_ALG.KEYEDHASH || type === TPM_ALG.SYMCIPHER;
    const isStorage = TPMA_OBJECT.has(objectAttributes, "restricted") && TPMA_OBJECT.has(objectAttributes, "decrypt");
    expect(toHex(seedValue)).toBe(isSymmetric || isStorage ? vector.seedValue : "");
  });
});

interface AnswersFile {
  readonly state: Secrets;
  readonly exchanges: readonly { readonly label: string; readonly command: string; readonly response: string }[];
}

describe.each([
  ["lib011-default-v1.answers", DEFAULT_V1],
  ["lib092-null.answers", NULL_PROFILE],
] as const)("the exchanges of %s", (fileName, profile) => {
  const { state, exchanges } = readLibtpmsVectors<AnswersFile>(fileName);
  const tpm = TestTpm.started({ profile });
  setSecrets(tpm, state, 1);

  test.each(exchanges)("$label is answered byte for byte", ({ label, command, response }) => {
    if (label.startsWith("CreatePrimary")) flushAll(tpm);
    else while (tpm.tpm.state.ram.objects.size > 1) keepFirst(tpm);
    expect(toHex(tpm.send(fromHex(command)))).toBe(response);
  });
});

function keepFirst(tpm: TestTpm): void {
  const { nv, ram } = tpm.tpm.state;
  tpm.tpm.state = { nv, ram: { ...ram, objects: new Map([...ram.objects].slice(0, 1)) } };
}

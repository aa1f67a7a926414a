import type { TpmClient } from "@vtpm/client";
import {
  CreatePrimary,
  EvictControl,
  FlushContext,
  GetCapability,
  NV_DefineSpace,
  NV_Write,
  NV_WriteLock,
  PCR_Allocate,
} from "@vtpm/tpm2/commands";
import { TPM_ALG, TPM_CAP, TPM_PT, TPM_RH, TPMA_NV } from "@vtpm/tpm2/spec";
import { type Bytes, EMPTY } from "@vtpm/wire";
import { ManufactureError } from "./manufacture-error.ts";
import type { KeyPublic } from "./templates.ts";

/** Bytes that one TPM2_NV_Write can write in every TPM. */
const NV_PIECE_SIZE = 1024;
/** A selection of all 24 PCRs, and of none. */
const [ALL, NONE] = [Uint8Array.of(0xff, 0xff, 0xff), Uint8Array.of(0, 0, 0)];

/** PLATFORMCREATE and so on: whoever uses the TPM can read it, only the platform can write it. */
const NV_ATTRIBUTES = TPMA_NV.of({
  PPWRITE: true,
  WRITEDEFINE: true,
  PPREAD: true,
  OWNERREAD: true,
  AUTHREAD: true,
  NO_DA: true,
  PLATFORMCREATE: true,
});

/** Derives a key in a hierarchy, and keeps it if it has a handle to be found at. */
export async function makeKey(
  client: TpmClient,
  primaryHandle: typeof TPM_RH.OWNER | typeof TPM_RH.ENDORSEMENT,
  template: KeyPublic,
  persistentHandle: number | undefined,
): Promise<KeyPublic> {
  const { objectHandle, outPublic } = await client.call(CreatePrimary, {
    primaryHandle,
    inSensitive: { userAuth: EMPTY, data: EMPTY },
    inPublic: template,
    outsideInfo: EMPTY,
    creationPCR: [],
  });
  if (persistentHandle !== undefined)
    await client.call(EvictControl, { auth: TPM_RH.OWNER, objectHandle, persistentHandle });
  await client.call(FlushContext, { flushHandle: objectHandle });
  if (outPublic.type === TPM_ALG.RSA || outPublic.type === TPM_ALG.ECC) return outPublic;
  throw new ManufactureError("TPM_ANSWER", "the TPM made another kind of key than it was asked for");
}

/** Defines an NV Index and fills it. */
export async function writeNvArea(client: TpmClient, nvIndex: number, content: Bytes, lock: boolean): Promise<void> {
  const authHandle = TPM_RH.PLATFORM;
  await client.call(NV_DefineSpace, {
    authHandle,
    auth: EMPTY,
    publicInfo: {
      nvIndex,
      nameAlg: TPM_ALG.SHA256,
      attributes: NV_ATTRIBUTES,
      authPolicy: EMPTY,
      dataSize: content.length,
    },
  });
  for (let offset = 0; offset < content.length; offset += NV_PIECE_SIZE) {
    const data = content.slice(offset, offset + NV_PIECE_SIZE);
    await client.call(NV_Write, { authHandle, nvIndex, data, offset });
  }
  if (lock) await client.call(NV_WriteLock, { authHandle, nvIndex });
}

/** Names of PCR banks. */
const BANKS = new Map<number, string>([
  [TPM_ALG.SHA1, "sha1"],
  [TPM_ALG.SHA256, "sha256"],
  [TPM_ALG.SHA384, "sha384"],
  [TPM_ALG.SHA512, "sha512"],
  [TPM_ALG.SHA3_256, "sha3-256"],
  [TPM_ALG.SHA3_384, "sha3-384"],
  [TPM_ALG.SHA3_512, "sha3-512"],
]);

/** Banks with PCRs in the order in which they were wanted, banks that the TPM has, and banks that were wanted and that it does not have. */
export interface PcrBanks {
  readonly active: readonly string[];
  readonly all: readonly string[];
  readonly lacking: readonly string[];
}

/** Gives these banks their PCRs, and takes them from the others; `leaveOut` is for those that the TPM lacks. */
export async function activatePcrBanks(
  client: TpmClient,
  wanted: readonly string[],
  leaveOut: boolean,
): Promise<PcrBanks> {
  const { capabilityData } = await client.call(GetCapability, {
    capability: TPM_CAP.PCRS,
    property: 0,
    propertyCount: 64,
  });
  if (capabilityData.capability !== TPM_CAP.PCRS)
    throw new ManufactureError("TPM_ANSWER", "the TPM tells no PCR banks");
  const banks = capabilityData.data.map(({ hash }) => ({ hash, name: BANKS.get(hash) ?? `0x${hash.toString(16)}` }));
  const all = banks.map(({ name }) => name);
  const lacking = wanted.filter((name) => !all.includes(name));
  if (lacking.length > 0 && (!leaveOut || lacking.length === wanted.length)) {
    throw new ManufactureError("PCR_BANK", `the TPM has no PCR bank ${lacking.join(", ")}: it has ${all.join(", ")}`);
  }
  const pcrAllocation = banks.map(({ hash, name }) => ({ hash, pcrSelect: wanted.includes(name) ? ALL : NONE }));
  const { allocationSuccess } = await client.call(PCR_Allocate, { authHandle: TPM_RH.PLATFORM, pcrAllocation });
  if (allocationSuccess !== 1) throw new ManufactureError("PCR_BANK", "the TPM did not allocate the PCR banks");
  return { active: [...new Set(wanted)].filter((name) => all.includes(name)), all, lacking };
}

/** Who the TPM says made it, such as "IBM". */
export async function manufacturerOf(client: TpmClient): Promise<string> {
  const { capabilityData } = await client.call(GetCapability, {
    capability: TPM_CAP.TPM_PROPERTIES,
    property: TPM_PT.MANUFACTURER,
    propertyCount: 1,
  });
  if (capabilityData.capability !== TPM_CAP.TPM_PROPERTIES) return "";
  const value = capabilityData.data[0]?.value ?? 0;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString("latin1").replace(/\0+$/, "").trim();
}

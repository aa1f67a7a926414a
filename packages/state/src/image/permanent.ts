import { NULL_PROFILE, type Profile } from "@vtpm/tpm2";
import {
  BEYOND_LIBTPMS,
  isUnusedRsaKey,
  type NvState,
  ownProperties,
  type PERSISTENT_DATA as Persistent,
  storedProfile,
} from "@vtpm/tpm2/state";
import { type Bytes, encode, equalBytes, type Header } from "@vtpm/wire";
import { ImageError } from "../image-error.ts";
import {
  BEYOND_HEADER,
  BEYOND_PERMANENT,
  externalOf,
  isExternal,
  LAST_LEVEL,
  NOTHING_PERMANENT,
  rulesFor,
} from "./beyond.ts";
import { bytesFor } from "./command-bitmap.ts";
import { Headers } from "./headers.ts";
import { formOf, IMAGE_FORM, USUAL_FORM } from "./image-form.ts";
import {
  indicesFromImage,
  nvToImage,
  objectEntrySize,
  objectsFromImage,
  orderlyIndicesFromImage,
  orderlyIndicesToImage,
} from "./nv-mapping.ts";
import { indexEntrySize } from "./nv-storage.ts";
import { libtpmsSelection, otherBanks, otherSelection } from "./pcr-banks.ts";
import { hasSavedState, PERSISTENT_ALL } from "./persistent-all.ts";
import { EPOCH_SIZE, FIRST_WITH_ALL_COMMANDS, type PERSISTENT_DATA } from "./persistent-data.ts";
import { readImage } from "./read-image.ts";
import {
  orderlyFromImage,
  orderlyToImage,
  stateClearFromImage,
  stateClearToImage,
  stateResetFromImage,
  stateResetToImage,
} from "./saved-state.ts";

/** Bytes of a bitmap of commands as libtpms writes it. */
const bitmapSize = (version: number): number => (version < FIRST_WITH_ALL_COMMANDS ? 14 : 16);

/**
 * Reads a TPM's permanent state: all that a power cut leaves. Throws an `ImageError` that names the field for what cannot be the
 * state of a TPM.
 */
export function decodePermanent(bytes: Bytes): NvState {
  const image = readImage(PERSISTENT_ALL, bytes, rulesFor(bytes));
  const { persistent, orderly, stateReset, stateClear, orderlyRam, nvram } = image.body;
  const beyond = image.beyond ?? NOTHING_PERMANENT;
  const profile = image.profile === undefined ? NULL_PROFILE : storedProfile(image.profile, beyond.properties);
  checkBeyond(beyond, profile);
  const { external } = beyond;
  const nv: NvState = {
    profile,
    persistent: persistentFromImage(persistent, beyond, nvram.nv.maxCounter),
    orderly: orderlyFromImage(orderly),
    orderlyIndices: new Map([...orderlyIndicesFromImage(orderlyRam.ram.entries), ...external.ram]),
    stateReset: stateReset && stateResetFromImage(stateReset),
    stateClear: stateClear && stateClearFromImage(stateClear, beyond.pcrSave),
    extension: beyond.extension,
    indices: new Map([...indicesFromImage(nvram.nv.entries), ...external.indices]),
    objects: objectsFromImage(nvram.nv.entries),
  };
  const imageForm = encode(IMAGE_FORM, readForm(image, nv));
  return equalBytes(imageForm, encode(IMAGE_FORM, USUAL_FORM)) ? nv : { ...nv, imageForm };
}

/** Writes a TPM's permanent state; what was read from an image has its form again. */
export function encodePermanent(nv: NvState): Bytes {
  const { profile, persistent, stateReset, stateClear } = nv;
  const form = formOf(nv.imageForm);
  const headers = new Headers(profile.stateFormatLevel, form.headers);
  const isSaved = hasSavedState(persistent.orderlyState);
  const beyond: BEYOND_PERMANENT = {
    properties: ownProperties(profile),
    extension: isSaved ? nv.extension : undefined,
    pcrSave: otherBanks(isSaved && stateClear ? stateClear.pcrSave : new Map()),
    pcrAllocated: otherSelection(persistent.pcrAllocated),
    pcrInUse: otherSelection(persistent.pcrInUse),
    external: { indices: externalOf(nv.indices), ram: externalOf(nv.orderlyIndices) },
  };
  const isBeyondLibtpms = profile.stateFormatLevel > LAST_LEVEL || !isNothing(beyond);
  const header = isBeyondLibtpms ? BEYOND_HEADER : headers.of("PERSISTENT_ALL");
  return encode(PERSISTENT_ALL, {
    ...header,
    profile: form.profile === "" ? profile.json : form.profile,
    beyond,
    body: {
      constants: { ...headers.of("PA_COMPILE_CONSTANTS"), values: form.constants },
      persistent: persistentToImage(persistent, headers.of("PERSISTENT_DATA"), form),
      orderly: orderlyToImage(nv.orderly, headers.of("ORDERLY_DATA"), form.drbgState),
      stateReset: isSaved && stateReset ? stateResetToImage(stateReset, headers.of("STATE_RESET_DATA")) : undefined,
      stateClear: isSaved && stateClear ? stateClearToImage(stateClear, headers.of("STATE_CLEAR_DATA")) : undefined,
      orderlyRam: {
        ...headers.of("INDEX_ORDERLY_RAM"),
        ram: { size: form.ramSize, entries: orderlyIndicesToImage(nv.orderlyIndices) },
      },
      nvram: {
        ...headers.of("USER_NVRAM"),
        nv: {
          size: form.nvSize,
          entries: nvToImage(nv, form, headers.of("OBJECT")),
          maxCounter: persistent.maxCounter,
        },
      },
    },
  });
}

const isNothing = (beyond: BEYOND_PERMANENT): boolean =>
  equalBytes(encode(BEYOND_PERMANENT, beyond), encode(BEYOND_PERMANENT, NOTHING_PERMANENT));

/** Refuses what a TPM of a profile of libtpms cannot have: it would be there and out of reach. */
function checkBeyond(beyond: BEYOND_PERMANENT, { name, stateFormatLevel }: Profile): void {
  if (stateFormatLevel > LAST_LEVEL || isNothing({ ...beyond, properties: [] })) return;
  const what = [
    ...[...beyond.pcrAllocated, ...beyond.pcrInUse].map(({ hash }) => `PCR bank 0x${hash.toString(16)}`),
    ...[...beyond.external.indices.keys()].map((handle) => `NV Index 0x${handle.toString(16)}`),
    "state saved by TPM2_Shutdown",
  ];
  throw new ImageError("PERSISTENT_ALL.beyond", 0, `a TPM of profile ${name} cannot have this: ${what[0]}`);
}

function persistentFromImage(
  {
    version: _version,
    minVersion: _minVersion,
    later: _later,
    epochSize: _epochSize,
    pcrPolicy,
    ppList,
    auditCommands,
    ...rest
  }: PERSISTENT_DATA,
  beyond: BEYOND_PERMANENT,
  maxCounter: bigint,
): Persistent {
  const [policy] = pcrPolicy.policies;
  if (policy === undefined) throw new RangeError("the image has no policy for PCRs"); // it has as many as the layout says
  return {
    ...rest,
    pcrPolicyAlg: policy.hashAlg,
    pcrPolicy: policy.policy,
    pcrAllocated: [...rest.pcrAllocated, ...beyond.pcrAllocated],
    pcrInUse: [...(rest.pcrInUse ?? rest.pcrAllocated), ...beyond.pcrInUse],
    ppList: ppList.commands,
    auditCommands: auditCommands.commands,
    EPSeedCompatLevel: rest.EPSeedCompatLevel ?? 0,
    SPSeedCompatLevel: rest.SPSeedCompatLevel ?? 0,
    PPSeedCompatLevel: rest.PPSeedCompatLevel ?? 0,
    maxCounter,
  };
}

function persistentToImage(
  { pcrPolicyAlg, pcrPolicy, pcrAllocated, pcrInUse, ppList, auditCommands, maxCounter: _, ...rest }: Persistent,
  header: Header,
  { ppListSize, auditCommandsSize }: IMAGE_FORM,
): PERSISTENT_DATA {
  const usualSize = bitmapSize(header.version);
  // Only profile `latest` has commands that libtpms' bitmap is too short for.
  const sizeFor = (commands: readonly number[], size: number): number =>
    header.version < FIRST_WITH_ALL_COMMANDS ? size : Math.max(size, bytesFor(commands));
  return {
    ...header,
    ...rest,
    epochSize: EPOCH_SIZE,
    pcrAllocated: libtpmsSelection(pcrAllocated),
    pcrInUse: libtpmsSelection(pcrInUse),
    pcrPolicy: { policies: [{ hashAlg: pcrPolicyAlg, policy: pcrPolicy }] },
    ppList: { size: sizeFor(ppList, ppListSize || usualSize), commands: ppList },
    auditCommands: { size: sizeFor(auditCommands, auditCommandsSize || usualSize), commands: auditCommands },
  };
}

/** Collects what the state has no place for. */
function readForm({ profile: text, body, ...header }: PERSISTENT_ALL, nv: NvState): IMAGE_FORM {
  const { constants, persistent, orderly, stateReset, stateClear, orderlyRam, nvram } = body;
  const { profile } = nv;
  const headers = new Headers(profile.stateFormatLevel);
  if (header.version !== BEYOND_LIBTPMS) headers.note("PERSISTENT_ALL", header);
  headers.note("PA_COMPILE_CONSTANTS", constants);
  headers.note("PERSISTENT_DATA", persistent);
  headers.note("ORDERLY_DATA", orderly);
  if (stateReset !== undefined) headers.note("STATE_RESET_DATA", stateReset);
  if (stateClear !== undefined) headers.note("STATE_CLEAR_DATA", stateClear);
  headers.note("INDEX_ORDERLY_RAM", orderlyRam);
  headers.note("USER_NVRAM", nvram);
  const entrySizes = new Map<number, number>();
  const withoutExponent: number[] = [];
  for (const entry of nvram.nv.entries) {
    if (entry.kind === "index") {
      if (entry.size !== indexEntrySize(entry.data.length)) entrySizes.set(entry.handle, entry.size);
      continue;
    }
    const { content } = entry.object;
    if (content.object !== undefined) headers.note("OBJECT", content.object);
    if (isUnusedRsaKey(entry.object)) withoutExponent.push(entry.handle);
    if (entry.size !== objectEntrySize(entry.object, profile.stateFormatLevel))
      entrySizes.set(entry.handle, entry.size);
  }
  const handles = nvram.nv.entries.map(({ handle }) => handle);
  const usualOrder = [...nv.indices.keys(), ...nv.objects.keys()].filter((handle) => !isExternal(handle));
  const usualBitmap = bitmapSize(persistent.version);
  return {
    headers: headers.unusual(),
    profile: text === undefined || text === profile.json ? "" : text,
    constants: constants.values,
    ppListSize: persistent.ppList.size === usualBitmap ? 0 : persistent.ppList.size,
    auditCommandsSize: persistent.auditCommands.size === usualBitmap ? 0 : persistent.auditCommands.size,
    drbgState: orderly.drbgState,
    ramSize: orderlyRam.ram.size,
    nvSize: nvram.nv.size,
    nvOrder: handles.every((handle, i) => handle === usualOrder[i]) ? [] : handles,
    entrySizes,
    withoutExponent,
  };
}

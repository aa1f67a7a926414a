import {
  type Bytes,
  buffer,
  decode,
  list,
  optional,
  struct,
  type TypeOf,
  table,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
} from "@vtpm/wire";
import { USUAL_CONSTANTS } from "./compile-constants.ts";
import { DRBG_STATE } from "./orderly-data.ts";
import { TEXT } from "./text.ts";

/** The header of a structure that is not the usual one. */
const UNUSUAL_HEADER = struct("header", {
  version: UINT16,
  minVersion: UINT16,
  later: optional(buffer("later", { max: 0xffff })),
});

/** Headers by the name of their structure, which is as often in an image as there are names for it. */
export const HEADERS = list("headers", struct("named header", { name: TEXT, header: UNUSUAL_HEADER }), { max: 0xffff });

/**
 * How the image was written that a permanent state was read from, as far as a TPM has no use for it: so that it is written
 * again as it was.
 */
export const IMAGE_FORM = struct("image form", {
  headers: HEADERS,
  /** The text of the profile, if it is another one for the same profile. */
  profile: TEXT,
  constants: list("constants", UINT32, { max: 0xff }),
  /** Bytes of the bitmaps of commands; 0: as usual. */
  ppListSize: UINT8,
  auditCommandsSize: UINT8,
  drbgState: DRBG_STATE,
  ramSize: UINT32,
  nvSize: UINT64,
  /** NV Indices and persistent objects in their order, by handle; and what they take, where it is not what they should. */
  nvOrder: list("NV order", UINT32, { max: 0xffff }),
  entrySizes: table("entry sizes", UINT32, UINT32),
  /** RSA keys of which libtpms has not worked out the private exponent yet. */
  withoutExponent: list("keys without exponent", UINT32, { max: 0xffff }),
});
export type IMAGE_FORM = TypeOf<typeof IMAGE_FORM>;

/** libtpms' generator that has not been seeded yet: it does that itself. */
export const UNSEEDED: DRBG_STATE = {
  reseedCounter: 0n,
  tag: 0,
  seed: Array.from({ length: 48 }, () => 0),
  lastValue: [0, 0, 0, 0],
};

/** How a new state is written. */
export const USUAL_FORM: IMAGE_FORM = {
  headers: [],
  profile: "",
  constants: USUAL_CONSTANTS,
  ppListSize: 0,
  auditCommandsSize: 0,
  drbgState: UNSEEDED,
  ramSize: 512,
  nvSize: 0x29cc0n,
  nvOrder: [],
  entrySizes: new Map(),
  withoutExponent: [],
};

/** The form that a state carries along, or that of a new one. */
export function formOf(imageForm: Bytes | undefined): IMAGE_FORM {
  return imageForm === undefined || imageForm.length === 0 ? USUAL_FORM : decode(IMAGE_FORM, imageForm);
}

import { DEFAULT_V2, LATEST } from "@vtpm/tpm2";
import { TPMS_TAGGED_PROPERTY } from "@vtpm/tpm2/spec";
import { BEYOND_LIBTPMS, EXTENSION } from "@vtpm/tpm2/state";
import {
  type Bytes,
  EMPTY,
  encode,
  equalBytes,
  type Header,
  list,
  optional,
  type Rules,
  struct,
  type TypeOf,
  UINT16,
} from "@vtpm/wire";

/** libtpms' newest state format level. */
export const LAST_LEVEL = 8;

export const BEYOND_HEADER: Header = { version: BEYOND_LIBTPMS, minVersion: BEYOND_LIBTPMS, later: EMPTY };

/** Whether an image is of that version; only then it may have what goes beyond libtpms' limits. */
export const isBeyond = (image: Bytes): boolean => equalBytes(image.slice(0, 2), encode(UINT16, BEYOND_LIBTPMS));

/** What an image may name: all that libtpms has, whatever the profile leaves of it, or all that there is. */
export const rulesFor = (image: Bytes): Rules => (isBeyond(image) ? LATEST : DEFAULT_V2);

/** What no libtpms has a place for. A state that has any of it is written under a version that libtpms refuses. */
export const BEYOND = struct("beyond libtpms", {
  /** Fixed properties of the TPM in which it differs from its profile. */
  properties: list("properties", TPMS_TAGGED_PROPERTY, { max: 0xffff }),
  /** What Shutdown(STATE) saved of it. */
  extension: optional(EXTENSION),
});
export type BEYOND = TypeOf<typeof BEYOND>;

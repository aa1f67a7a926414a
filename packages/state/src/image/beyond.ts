import { TPMS_TAGGED_PROPERTY } from "@vtpm/tpm2/spec";
import { EXTENSION } from "@vtpm/tpm2/state";
import { list, optional, struct, type TypeOf } from "@vtpm/wire";

/** What no libtpms has a place for. A state that has any of it is written under a version that libtpms refuses. */
export const BEYOND = struct("beyond libtpms", {
  /** Fixed properties of the TPM in which it differs from its profile. */
  properties: list("properties", TPMS_TAGGED_PROPERTY, { max: 0xffff }),
  /** What Shutdown(STATE) saved of it. */
  extension: optional(EXTENSION),
});
export type BEYOND = TypeOf<typeof BEYOND>;

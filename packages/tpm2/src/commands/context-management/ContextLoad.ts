import { type Bytes, boundOf, type Codec, decode, Refusal } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { ANY_OBJECT, slotFromImage } from "../../libtpms/any-object.ts";
import { NATIVE_SESSION } from "../../libtpms/native-session.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_HANDLE, TPMS_CONTEXT } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { unprotectContext } from "../../subsystems/context-protection.ts";

/**
 * Some callers (Windows) fill the context up to the size that TPM_PT_MAX_OBJECT_CONTEXT promises: then, and only then,
 * what follows it does not count.
 */
const PADDED_CONTEXT: Codec<TPMS_CONTEXT> = {
  ...TPMS_CONTEXT,
  read(reader) {
    const size = reader.remaining;
    const context = TPMS_CONTEXT.read(reader);
    if (size === boundOf(reader.rules, "MAX_OBJECT_CONTEXT")) reader.bytes(reader.remaining);
    return context;
  },
};

/**
 * Takes a saved object or session back.
 *
 * @spec Part 3, "TPM2_ContextLoad"
 * @rc SIZE                 the blob has no integrity value
 * @rc INSUFFICIENT         the blob ends too early
 * @rc SIZE (context)       the integrity value has the wrong size, or nothing follows it
 * @rc INTEGRITY (context)  not saved by this TPM, changed since, or out of date
 * @rc HIERARCHY (context)  the object's hierarchy is disabled
 * @rc OBJECT_MEMORY        no slot is free for the object, or another version has saved it
 * @rc HANDLE (context)     not the latest context of the session
 * @rc SESSION_MEMORY       no slot is free for the session
 * @rc CONTEXT_GAP          the last slot is kept for the oldest saved session
 * @rc FW_LIMITED  the object's hierarchy is limited to a firmware that the platform tells nothing of
 * @rc SVN_LIMITED  the object's hierarchy is limited to an SVN that the firmware does not have
 */
export const ContextLoad = defineCommand({
  code: TPM_CC.ContextLoad,
  parameters: { context: PADDED_CONTEXT },
  responseHandles: { loadedHandle: TPM_HANDLE },
  noSessions: true,
  execute(tpm, { context }, at) {
    const payload = unprotectContext(tpm, context, context.contextBlob, (rc) => at("context", rc));
    const { savedHandle, sequence, hierarchy } = context;
    if (tpm.objects.isObject(savedHandle)) {
      if (!tpm.hierarchies.isEnabled(hierarchy)) throw at("context", TPM_RC.HIERARCHY);
      const object = slotFromImage(restore(ANY_OBJECT, payload));
      if (object === undefined) throw new TpmError(TPM_RC.OBJECT_MEMORY);
      return { loadedHandle: tpm.objects.add(object) };
    }
    const session = restore(NATIVE_SESSION, payload);
    if (!tpm.sessions.isCurrent(savedHandle, sequence)) throw at("context", TPM_RC.HANDLE);
    tpm.sessions.load(savedHandle, session);
    tpm.clearOrderly();
    return { loadedHandle: savedHandle };
  },
});

/** The payload is genuine: if it cannot be read, the TPM had another version when it was saved. */
function restore<T>(codec: Codec<T>, payload: Bytes): T {
  try {
    return decode(codec, payload);
  } catch (error) {
    if (error instanceof Refusal) throw new TpmError(TPM_RC.OBJECT_MEMORY, { cause: error });
    throw error;
  }
}

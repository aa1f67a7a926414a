import { encode } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { ANY_OBJECT, objectHeaderOf, slotToImage } from "../../libtpms/any-object.ts";
import { NATIVE_SESSION } from "../../libtpms/native-session.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMI_DH_CONTEXT, TPMS_CONTEXT } from "../../spec/structures/index.ts";
import { OBJECT_ATTRIBUTES, SLOT } from "../../state/object.ts";
import { protectContext, SAVED_OBJECT } from "../../subsystems/context-protection.ts";

/**
 * Gives an object or session out, protected. A session is no longer in the TPM afterwards, an object still is.
 *
 * @spec Part 3, "TPM2_ContextSave"
 * @rc CONTEXT_GAP        the oldest saved session must be loaded first
 * @rc TOO_MANY_CONTEXTS  the counter of saved sessions has run out
 */
export const ContextSave = defineCommand({
  code: TPM_CC.ContextSave,
  handles: { saveHandle: TPMI_DH_CONTEXT },
  response: { context: TPMS_CONTEXT },
  noSessions: true,
  execute(tpm, { saveHandle }) {
    const save = (identity: Omit<TPMS_CONTEXT, "contextBlob">, payload: Uint8Array): { context: TPMS_CONTEXT } => {
      tpm.clearOrderly();
      return { context: { ...identity, contextBlob: protectContext(tpm, identity, payload) } };
    };
    if (!tpm.objects.isObject(saveHandle)) {
      const payload = encode(NATIVE_SESSION, tpm.sessions.get(saveHandle));
      const sequence = tpm.sessions.save(saveHandle);
      return save({ sequence, savedHandle: saveHandle, hierarchy: TPM_RH.NULL }, payload);
    }
    const object = tpm.objects.get(saveHandle);
    const sequence = BigInt.asUintN(64, tpm.stateReset.objectContextID + 1n);
    tpm.changeStateReset({ objectContextID: sequence });
    const isStClear = OBJECT_ATTRIBUTES.has(object.attributes, "stClear");
    const savedKey = isStClear ? SAVED_OBJECT.ST_CLEAR : SAVED_OBJECT.ORDINARY;
    const savedHandle = object.kind === SLOT.SEQUENCE ? SAVED_OBJECT.SEQUENCE : savedKey;
    const image = slotToImage(object, { header: objectHeaderOf(tpm.profile.stateFormatLevel) });
    return save({ sequence, savedHandle, hierarchy: tpm.objects.hierarchyOf(saveHandle) }, encode(ANY_OBJECT, image));
  },
});

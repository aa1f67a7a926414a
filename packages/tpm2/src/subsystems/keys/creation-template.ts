import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMS_DERIVE, TPMT_PUBLIC, TPMT_PUBLIC_DERIVE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { readerOf } from "./unmarshal.ts";

/** What TPM2_CreateLoaded shall make. */
export interface CreationTemplate {
  readonly template: TPMT_PUBLIC;
  /** For a derived object: what the template has in place of a public key. */
  readonly derive: TPMS_DERIVE | undefined;
}

/**
 * Reads a TPM2B_TEMPLATE; which of the two kinds it is, depends on the parent.
 *
 * @rc SIZE  there is more than a template
 */
export function readTemplate(tpm: Engine, bytes: Bytes, isDerivation: boolean): CreationTemplate {
  const reader = readerOf(tpm, bytes);
  const read = (): CreationTemplate => {
    if (!isDerivation) return { template: reader.read(TPMT_PUBLIC), derive: undefined };
    const derivation = reader.read(TPMT_PUBLIC_DERIVE);
    return { template: withoutUnique(derivation), derive: derivation.unique };
  };
  const template = read();
  if (reader.remaining > 0) throw new TpmError(TPM_RC.SIZE);
  return template;
}

function withoutUnique(derivation: TPMT_PUBLIC_DERIVE): TPMT_PUBLIC {
  return derivation.type === TPM_ALG.ECC
    ? { ...derivation, unique: { x: EMPTY, y: EMPTY } }
    : { ...derivation, unique: EMPTY };
}

/** Label and context: those of the template; where it has none, those given as sensitive data. */
export function derivationLabel(tpm: Engine, derive: TPMS_DERIVE, data: Bytes): TPMS_DERIVE {
  if (data.length === 0) return derive;
  const given = readerOf(tpm, data).read(TPMS_DERIVE);
  return {
    label: derive.label.length === 0 ? given.label : derive.label,
    context: derive.context.length === 0 ? given.context : derive.context,
  };
}

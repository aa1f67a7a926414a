import type { CryptoProvider } from "@vtpm/crypto";
import {
  decodePermanent,
  type EnvelopeInfo,
  encodePermanent,
  envelopeInfo,
  imageKind,
  openBlob,
  openEnvelope,
} from "@vtpm/state";
import { applyChanges, decodeChanges, type NvState } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import { usable } from "../../host/usable.ts";
import { StoreError } from "../../store/store-error.ts";
import type { FoundState } from "./found-state.ts";

/** With what stored state is opened. */
export interface StateKeys {
  readonly key: Bytes | undefined;
  readonly migrationKey: Bytes | undefined;
  readonly crypto: CryptoProvider;
}

/** An image out of its envelope. */
export interface OpenedImage {
  readonly envelope: EnvelopeInfo;
  /** Bytes of the envelope. */
  readonly storedSize: number;
  readonly image: Bytes;
}

/** Stored state that could be opened. */
export interface OpenedState {
  readonly location: string;
  readonly permanent: OpenedImage | undefined;
  readonly volatile: OpenedImage | undefined;
  /** The permanent state with the changes since, and how it is written. */
  readonly nv: NvState | undefined;
  readonly image: Bytes | undefined;
  readonly changes: number;
}

/** Opens what was found. Throws a `StoreError` that says what does not fit, and where. */
export function openState(found: FoundState, keys: StateKeys): OpenedState {
  const { location, deltas } = found;
  const single = found.single === undefined ? undefined : openOne(location, found.single, keys);
  const kind = single === undefined ? undefined : imageKind(single.image);
  if (single !== undefined && kind === undefined) {
    throw new StoreError("STATE_DAMAGED", `${location} is in swtpm's envelope, but it is no state of a TPM 2.0`);
  }
  const stored = (bytes: Bytes | undefined, what: string): OpenedImage | undefined =>
    bytes === undefined ? undefined : openOne(`${what} of ${location}`, bytes, keys);
  const permanent = kind === "permanent" ? single : stored(found.permanent, "permanent state");
  const volatile = kind === "volatile" ? single : stored(found.volatile, "volatile state");
  let nv = permanent && usable(`permanent state of ${location}`, () => decodePermanent(permanent.image));
  for (const delta of deltas) {
    const { image } = openOne(`journal of ${location}`, delta, keys);
    nv = usable(`journal of ${location}`, () => applyChanges(nv, decodeChanges(image)));
  }
  const image = nv === undefined || deltas.length === 0 ? permanent?.image : encodePermanent(nv);
  return { location, permanent, volatile, nv, image, changes: deltas.length };
}

function openOne(what: string, bytes: Bytes, keys: StateKeys): OpenedImage {
  return usable(what, () => {
    const envelope = envelopeInfo(bytes);
    const image = envelope.isBlob ? openBlob(bytes, keys) : openEnvelope(bytes, keys);
    return { envelope, storedSize: bytes.length, image };
  });
}

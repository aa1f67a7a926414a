export {
  type EnvelopeInfo,
  envelopeInfo,
  type OpenBlobOptions,
  type OpenOptions,
  openBlob,
  openEnvelope,
  type SealBlobOptions,
  type SealOptions,
  sealBlob,
  sealEnvelope,
} from "./envelope/envelope.ts";
export { EnvelopeError, type EnvelopeErrorCode } from "./envelope/envelope-error.ts";
export { KeyError, type KeyForm, type KeySize, stateKey } from "./envelope/key.ts";
export type { Clocks } from "./image/clocks.ts";
export { describeImage, type ImageKind, imageKind, isSecret } from "./image/describe-image.ts";
export { decodePermanent, encodePermanent } from "./image/permanent.ts";
export { decodeVolatile, encodeVolatile, type VolatileContext } from "./image/volatile.ts";
export { ImageError } from "./image-error.ts";
export {
  decodeLinearHeader,
  encodeLinearHeader,
  LINEAR_HEADER_SIZE,
  LINEAR_SECTION,
  LinearError,
  type LinearErrorCode,
  type LinearSection,
  type LinearSections,
  sectionsByPlace,
} from "./linear/header.ts";

import type { Codec } from "@vtpm/wire";
import * as attributes from "../attributes.ts";
import * as asymmetric from "./asymmetric.ts";
import * as baseStructures from "./base-structures.ts";
import * as capabilities from "./capabilities.ts";
import * as clockAndAttestation from "./clock-and-attestation.ts";
import * as constantTypes from "./constant-types.ts";
import * as contextAndCreation from "./context-and-creation.ts";
import * as interfaceTypes from "./interface-types.ts";
import * as nvStorage from "./nv-storage.ts";
import * as objects from "./objects.ts";
import * as symmetric from "./symmetric.ts";

export * from "../attributes.ts";
export * from "./asymmetric.ts";
export * from "./base-structures.ts";
export * from "./capabilities.ts";
export * from "./clock-and-attestation.ts";
export * from "./constant-types.ts";
export * from "./context-and-creation.ts";
export * from "./interface-types.ts";
export * from "./nv-storage.ts";
export * from "./objects.ts";
export * from "./symmetric.ts";

/** Every type and structure of Part 2 that this engine knows, for tests and documentation. */
export const allStructures: readonly Codec<unknown>[] = [
  attributes,
  constantTypes,
  interfaceTypes,
  baseStructures,
  clockAndAttestation,
  symmetric,
  asymmetric,
  objects,
  nvStorage,
  contextAndCreation,
  capabilities,
].flatMap((chapter): readonly Codec<unknown>[] => Object.values(chapter));

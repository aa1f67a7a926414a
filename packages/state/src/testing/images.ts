import { createNodeProvider } from "@vtpm/crypto/node";
import type { Bytes } from "@vtpm/wire";
import { openBlob, openEnvelope } from "../envelope/envelope.ts";
import { readVector } from "./vectors.ts";

const crypto = createNodeProvider();

/** The permanent state in a file that swtpm wrote. */
export const permanentImage = (name: string): Bytes =>
  openEnvelope(readVector(`libtpms/${name}.permall.hex`), { crypto });

/** The permanent and the volatile state of a TPM that was running, as swtpm handed them out. */
export const liveImage = (name: string, kind: "permanent" | "volatile"): Bytes =>
  openBlob(readVector(`libtpms/${name}.live.${kind}.hex`), { crypto });

/** Every permanent state in the vectors, under a name. */
export const PERMANENT_IMAGES: readonly (readonly [name: string, read: () => Bytes])[] = [
  ...[
    "lib092-null",
    "lib011-default-v1",
    "lib011-default-v2",
    "lib092-seedlevel0",
    "lib092-null.shutdownstate",
    "lib011-default-v1.shutdownstate",
    "synthetic-level0-lib092",
    "synthetic-level1-lib092",
    "synthetic-level1-lib011",
  ].map((name) => [name, () => permanentImage(name)] as const),
  ...["lib092-null", "lib011-default-v1"].map(
    (name) => [`${name}, running`, () => liveImage(name, "permanent")] as const,
  ),
];

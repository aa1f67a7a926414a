import { createPortableProvider } from "../index.ts";
import { createNodeProvider } from "../node/index.ts";

/** The same tests run on all of them. */
export const providers = [createPortableProvider(), createNodeProvider()];

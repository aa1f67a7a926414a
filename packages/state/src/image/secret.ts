import { buffer } from "@vtpm/wire";

/** A primary seed or a proof value. */
export const SECRET = buffer("secret", { max: 64 });

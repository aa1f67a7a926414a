import { decode, encode } from "@vtpm/wire";
import { arbitrary } from "@vtpm/wire/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1 } from "../profile.ts";
import { ORDERLY_DATA, PERSISTENT_DATA, STATE_CLEAR_DATA, STATE_RESET_DATA } from "./data.ts";
import { NV_INDEX, ORDERLY_INDEX } from "./nv-index.ts";
import { ANY_OBJECT, OBJECT } from "./object.ts";
import { SESSION } from "./session.ts";
import { RAM_STATE } from "./tpm-state.ts";

describe.each([
  PERSISTENT_DATA,
  ORDERLY_DATA,
  STATE_RESET_DATA,
  STATE_CLEAR_DATA,
  NV_INDEX,
  ORDERLY_INDEX,
  OBJECT,
  ANY_OBJECT,
  SESSION,
  RAM_STATE,
])("$name", (codec) => {
  test("is read back as it was written", () => {
    fc.assert(
      fc.property(arbitrary<unknown>(codec, DEFAULT_V1), (value) => {
        expect(decode<unknown>(codec, encode(codec, value), DEFAULT_V1)).toEqual(value);
      }),
    );
  });
});

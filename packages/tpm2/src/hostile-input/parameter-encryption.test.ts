import { type Bytes, concatBytes, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { StirRandom } from "../commands/random-number-generator/StirRandom.ts";
import { DEFAULT_V1 } from "../profile.ts";
import { TPM_ALG } from "../spec/constants.ts";
import type { TPMT_SYM_DEF_NULLABLE } from "../spec/structures/index.ts";
import { AES_128_CFB, startSession } from "../testing/start-session.ts";
import { TestTpm } from "../testing/test-tpm.ts";

/** Header, size of the authorization area, and in it: handle, nonce, attributes, no HMAC. */
const OVERHEAD = 10 + 4 + 4 + 2 + 20 + 1 + 2;
const ROOM = DEFAULT_V1.limit("MAX_COMMAND_SIZE") - OVERHEAD;

describe.each<[name: string, symmetric: TPMT_SYM_DEF_NULLABLE]>([
  ["AES", AES_128_CFB],
  ["XOR", { algorithm: TPM_ALG.XOR, keyBits: TPM_ALG.SHA256 }],
])("a command of the largest size with parameters encrypted by %s", (_name, symmetric) => {
  test.each<[name: string, parameters: Bytes, rc: number]>([
    ["a size of two more than there is", concatBytes(encode(UINT16, ROOM), new Uint8Array(ROOM - 2)), 0x995],
    ["a size of one more than there is", concatBytes(encode(UINT16, ROOM - 1), new Uint8Array(ROOM - 2)), 0x995],
    ["a size of all that is there", concatBytes(encode(UINT16, ROOM - 2), new Uint8Array(ROOM - 2)), 0x1d5],
    ["nothing but ones", new Uint8Array(ROOM).fill(0xff), 0x995],
  ])("%s", (_case, parameters, rc) => {
    const tpm = TestTpm.started();
    const session = startSession(tpm, { symmetric }).with({ decrypt: true, continueSession: true });
    // The harness would encrypt according to the size; here the bytes are sent as they are.
    const roll = session.encryptParameter.bind(session);
    session.encryptParameter = (bytes) => {
      roll(new Uint8Array(0));
      return bytes;
    };
    expect(tpm.runRaw(StirRandom, [], parameters, [session]).rc.toString(16)).toBe(rc.toString(16));
    expect(tpm.faults).toEqual([]);
  });
});

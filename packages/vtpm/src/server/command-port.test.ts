import { fromHex, toHex } from "@vtpm/wire";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type OpenTpm, openTpm } from "../open-tpm.ts";
import { readPcr17, responseCode, startup } from "../testing/commands.ts";
import { CommandPort, type CommandPortOptions } from "./command-port.ts";

let tpm: OpenTpm;
beforeEach(async () => {
  tpm = await openTpm();
  await tpm.host.init();
});
afterEach(() => tpm.close());

function exchange(options: CommandPortOptions, hex: string): Promise<string> {
  return new Promise((resolve) => {
    new CommandPort(tpm.host, options).submit(fromHex(hex), (response) => resolve(toHex(response)));
  });
}

const answer = (code: string): string => `80010000000a${code}`;
const allowed = { allowSetLocality: true };

describe("the command that sets the locality", () => {
  test.each([
    ["of 4", allowed, "8002 0000000b 20001000 04", "00000000", 4],
    ["of 3 where 4 is out of reach", { ...allowed, rejectLocality4: true }, "8002 0000000b 20001000 03", "00000000", 3],
    [
      "of 4 where it is out of reach",
      { ...allowed, rejectLocality4: true },
      "8002 0000000b 20001000 04",
      "00000107",
      1,
    ],
    ["of 5, which there is not", allowed, "8002 0000000b 20001000 05", "00000107", 1],
    ["without a locality", allowed, "8002 0000000a 20001000", "0000009a", 1],
    ["where it is not allowed", {}, "8002 0000000b 20001000 02", "00000101", 1],
    ["without a locality where it is not allowed", {}, "8002 0000000a 20001000", "0000009a", 1],
    ["with TPM 1.2's tag", allowed, "00c1 0000000b 20001000 02", "00000000", 2],
  ])("%s", async (_, options, command, code, locality) => {
    tpm.host.locality = 1;
    expect(await exchange(options, command)).toBe(answer(code));
    expect(tpm.host.locality).toBe(locality);
  });
});

test.each(["80010000000b2000100003", "80"])("without power there is nothing but failure: %s", async (bytes) => {
  await tpm.host.stop();
  expect(await exchange(allowed, bytes)).toBe(answer("00000101"));
});

test.each(["", "80", "80010000000a000001"])("what is shorter than a header is refused: %j", async (bytes) => {
  expect(await exchange(allowed, bytes)).toBe(answer("0000009a"));
});

test("all else goes to the TPM", async () => {
  expect(await exchange({}, toHex(readPcr17))).toBe(answer("00000100"));
  expect(await exchange({}, toHex(startup(0)))).toBe(answer("00000000"));
  expect(responseCode(fromHex(await exchange({}, toHex(readPcr17))))).toBe(0);
});

import { describe, expect, test } from "vitest";
import type { Command } from "../dispatch/command.ts";
import { LATEST } from "../profile.ts";
import { TPMA_CC } from "../spec/attributes.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { COMMANDS } from "./index.ts";

/** Command codes of the specification that this engine does not have, each with the reason. */
const LATER: ReadonlyMap<number, string> = new Map([
  [TPM_CC.FieldUpgradeStart, "a software TPM is upgraded like any program"],
  [TPM_CC.FieldUpgradeData, "a software TPM is upgraded like any program"],
  [TPM_CC.FirmwareRead, "there is no firmware to read"],
  [TPM_CC.AC_GetCapability, "there are no attached components"],
  [TPM_CC.AC_Send, "there are no attached components"],
  [TPM_CC.Policy_AC_SendSelect, "there are no attached components"],
]);

/** What TPMA_CC says of a declaration. */
function attributesOf(command: Command): number {
  return TPMA_CC.of({
    commandIndex: command.code,
    nv: command.nv,
    extensive: command.extensive,
    flushed: command.flushed,
    cHandles: command.handles.length,
    rHandle: command.responseHandles.length > 0,
  });
}

describe.each(Object.entries(TPM_CC))("TPM_CC_%s", (_name, code) => {
  test("is implemented, or listed with the reason why not", () => {
    expect(COMMANDS.has(code) !== LATER.has(code)).toBe(true);
  });

  test("is declared with the attributes that the profile reports", () => {
    const command = COMMANDS.get(code);
    const reported = LATEST.commands.get(code);
    if (command === undefined || reported === undefined) return;
    expect(attributesOf(command).toString(16)).toBe(reported.toString(16));
  });
});

test("a profile reports no command that the engine does not have", () => {
  expect([...LATEST.commands.keys()].filter((code) => !COMMANDS.has(code))).toEqual([]);
});

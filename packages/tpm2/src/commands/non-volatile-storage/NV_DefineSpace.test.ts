import { describe, expect, test } from "vitest";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_ALG, TPM_NT } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { givenStateClear } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { NV_DefineSpace } from "./NV_DefineSpace.ts";
import { NV_ReadPublic } from "./NV_ReadPublic.ts";

type Attributes = Parameters<typeof TPMA_NV.of>[0];
interface Definition {
  readonly attributes?: Attributes;
  readonly dataSize?: number;
  readonly authPolicy?: Uint8Array;
  readonly auth?: Uint8Array;
  readonly authHandle?: number;
  readonly nameAlg?: number;
  readonly nvIndex?: number;
}

const NONE = new Uint8Array();
const { ORDINARY, COUNTER, BITS, EXTEND, PIN_FAIL, PIN_PASS } = TPM_NT;

function define(tpm: TestTpm, given: Definition): string {
  const { authHandle = TPM_RH.OWNER, auth = NONE, authPolicy = NONE, dataSize = 8 } = given;
  const { nameAlg = TPM_ALG.SHA256, nvIndex = 0x0100_0001 } = given;
  const attributes = TPMA_NV.of({ OWNERREAD: true, OWNERWRITE: true, ...given.attributes });
  const publicInfo = { nvIndex, nameAlg, attributes, authPolicy, dataSize };
  return tpm.run(NV_DefineSpace, { authHandle, auth, publicInfo }).text;
}

const PUBLIC = (rc: string): string => `TPM_RC_${rc} (parameter 2)`;
const platform = { authHandle: TPM_RH.PLATFORM, attributes: { PLATFORMCREATE: true } };

describe("TPM2_NV_DefineSpace", () => {
  test.each<[name: string, definition: Definition]>([
    ["an ordinary Index", { dataSize: 2048 }],
    ["one without data", { dataSize: 0 }],
    ["a counter", { attributes: { TPM_NT: COUNTER } }],
    ["a bit field", { attributes: { TPM_NT: BITS } }],
    ["an extend Index", { attributes: { TPM_NT: EXTEND }, dataSize: 32 }],
    ["a PIN fail Index", { attributes: { TPM_NT: PIN_FAIL, NO_DA: true } }],
    ["a PIN pass Index", { attributes: { TPM_NT: PIN_PASS } }],
    ["an Index of the platform", platform],
    ["one that only its policy deletes", { ...platform, attributes: { PLATFORMCREATE: true, POLICY_DELETE: true } }],
    ["a policy, and an authValue with trailing zeros", { authPolicy: new Uint8Array(32), auth: new Uint8Array(40) }],
    ["one that is written as a whole", { attributes: { WRITEALL: true }, dataSize: 1024 }],
  ])("takes %s", (_name, definition) => {
    const tpm = TestTpm.started();
    expect(define(tpm, definition)).toBe("TPM_RC_SUCCESS");
    const { out } = tpm.run(NV_ReadPublic, { nvIndex: 0x0100_0001 });
    expect(out.nvPublic.dataSize).toBe(definition.dataSize ?? 8);
    expect(out.nvName).toEqual(tpm.nameOf(0x0100_0001));
    expect(define(tpm, definition)).toBe("TPM_RC_NV_DEFINED");
  });

  // In the order of the checks.
  test.each<[name: string, definition: Definition, text: string]>([
    [
      "a policy of the wrong size",
      { authPolicy: new Uint8Array(20), auth: new Uint8Array(64).fill(1) },
      PUBLIC("SIZE"),
    ],
    ["an authValue longer than the digest", { auth: new Uint8Array(33).fill(1) }, "TPM_RC_SIZE (parameter 1)"],
    ["an unknown type", { attributes: { TPM_NT: 3 }, dataSize: 7 }, PUBLIC("ATTRIBUTES")],
    ["a counter of 7 bytes", { attributes: { TPM_NT: COUNTER, WRITTEN: true }, dataSize: 7 }, PUBLIC("SIZE")],
    ["a bit field of 9 bytes", { attributes: { TPM_NT: BITS }, dataSize: 9 }, PUBLIC("SIZE")],
    [
      "an extend Index of another size than its digest",
      { attributes: { TPM_NT: EXTEND }, dataSize: 20 },
      PUBLIC("SIZE"),
    ],
    ["an ordinary Index that is too large", { dataSize: 2049 }, PUBLIC("SIZE")],
    ["a counter that is forgotten", { attributes: { TPM_NT: COUNTER, CLEAR_STCLEAR: true } }, PUBLIC("ATTRIBUTES")],
    ["a PIN fail Index without NO_DA", { attributes: { TPM_NT: PIN_FAIL } }, PUBLIC("ATTRIBUTES")],
    [
      "a PIN fail Index that its PIN writes",
      { attributes: { TPM_NT: PIN_FAIL, NO_DA: true, AUTHWRITE: true } },
      PUBLIC("ATTRIBUTES"),
    ],
    [
      "a PIN pass Index that its PIN writes",
      { attributes: { TPM_NT: PIN_PASS, AUTHWRITE: true } },
      PUBLIC("ATTRIBUTES"),
    ],
    ["a PIN pass Index with GLOBALLOCK", { attributes: { TPM_NT: PIN_PASS, GLOBALLOCK: true } }, PUBLIC("ATTRIBUTES")],
    [
      "a PIN pass Index with WRITEDEFINE",
      { attributes: { TPM_NT: PIN_PASS, WRITEDEFINE: true } },
      PUBLIC("ATTRIBUTES"),
    ],
    ["one that is written already", { attributes: { WRITTEN: true } }, PUBLIC("ATTRIBUTES")],
    ["one that is locked for writing", { attributes: { WRITELOCKED: true } }, PUBLIC("ATTRIBUTES")],
    ["one that is locked for reading", { attributes: { READLOCKED: true } }, PUBLIC("ATTRIBUTES")],
    ["one that nobody reads", { attributes: { OWNERREAD: false } }, PUBLIC("ATTRIBUTES")],
    ["one that nobody writes", { attributes: { OWNERWRITE: false } }, PUBLIC("ATTRIBUTES")],
    [
      "one locked for ever and forgotten",
      { attributes: { CLEAR_STCLEAR: true, WRITEDEFINE: true } },
      PUBLIC("ATTRIBUTES"),
    ],
    [
      "the owner as the platform",
      { attributes: { PLATFORMCREATE: true, POLICY_DELETE: true } },
      "TPM_RC_ATTRIBUTES (handle 1)",
    ],
    ["the platform as the owner", { authHandle: TPM_RH.PLATFORM }, "TPM_RC_ATTRIBUTES (handle 1)"],
    ["the owner's Index that only its policy deletes", { attributes: { POLICY_DELETE: true } }, PUBLIC("ATTRIBUTES")],
    [
      "one written as a whole that is too large for that",
      { attributes: { WRITEALL: true }, dataSize: 1025 },
      PUBLIC("SIZE"),
    ],
    ["a hash that the TPM lacks", { nameAlg: TPM_ALG.SM3_256 }, PUBLIC("HASH")],
    ["a handle of another type", { nvIndex: 0x8100_0001 }, PUBLIC("VALUE")],
  ])("refuses %s", (_name, definition, text) => {
    const tpm = TestTpm.started();
    expect(define(tpm, definition)).toBe(text);
    expect(tpm.tpm.state.nv.indices.size).toBe(0);
  });

  /** What can be wrong, in the order in which it is found. */
  const mistakes: readonly [name: string, mistake: Definition, text: string][] = [
    ["policy", { authPolicy: new Uint8Array(20) }, PUBLIC("SIZE")],
    ["authValue", { auth: new Uint8Array(33).fill(1) }, "TPM_RC_SIZE (parameter 1)"],
    ["disabled platform", { authHandle: TPM_RH.PLATFORM }, "TPM_RC_HIERARCHY (handle 1)"],
    ["type", { attributes: { TPM_NT: 3 } }, PUBLIC("ATTRIBUTES")],
    ["size of the type", { attributes: { TPM_NT: COUNTER }, dataSize: 1025 }, PUBLIC("SIZE")],
    ["state", { attributes: { WRITTEN: true } }, PUBLIC("ATTRIBUTES")],
    ["nobody to read", { attributes: { OWNERREAD: false } }, PUBLIC("ATTRIBUTES")],
    ["lock for ever", { attributes: { CLEAR_STCLEAR: true, WRITEDEFINE: true } }, PUBLIC("ATTRIBUTES")],
    ["creator", { attributes: { PLATFORMCREATE: true } }, "TPM_RC_ATTRIBUTES (handle 1)"],
    ["deletion by policy", { attributes: { POLICY_DELETE: true } }, PUBLIC("ATTRIBUTES")],
    ["writing as a whole", { attributes: { WRITEALL: true }, dataSize: 1025 }, PUBLIC("SIZE")],
    ["existing Index", { nvIndex: 0x0100_0002 }, "TPM_RC_NV_DEFINED"],
  ];
  const pairs = mistakes.flatMap(([name, first, text], i) =>
    mistakes.slice(i + 1).map(([other, second]) => [name, other, first, second, text] as const),
  );

  test.each(pairs)("of two mistakes finds %s before %s", (_name, _other, first, second, text) => {
    const tpm = TestTpm.started();
    expect(define(tpm, { nvIndex: 0x0100_0002 })).toBe("TPM_RC_SUCCESS");
    givenStateClear(tpm, { phEnableNV: 0 });
    // Where both set the same field, the first mistake stays.
    const attributes = { ...second.attributes, ...first.attributes };
    expect(define(tpm, { ...second, ...first, attributes })).toBe(text);
  });

  test("refuses the platform while its Indices are disabled, after the sizes and before the attributes", () => {
    const tpm = TestTpm.started();
    givenStateClear(tpm, { phEnableNV: 0 });
    expect(define(tpm, { ...platform, authPolicy: new Uint8Array(1) })).toBe(PUBLIC("SIZE"));
    expect(define(tpm, { ...platform, attributes: { TPM_NT: 3 } })).toBe("TPM_RC_HIERARCHY (handle 1)");
    expect(define(tpm, {})).toBe("TPM_RC_SUCCESS");
  });

  test("refuses what does not fit into NV, leaving room for objects and counters", () => {
    const tpm = TestTpm.started();
    // 171200 bytes, less 7 objects of 3320, 8 counters of 160 and 16 bytes around an entry.
    const room = 171200 - 7 * 3320 - 8 * 160 - 16;
    const [size, whole] = [148 + 2048, Math.floor(room / (4 + 148 + 2048))];
    for (let i = 0; i < whole; i++)
      expect(define(tpm, { nvIndex: 0x0100_0001 + i, dataSize: 2048 })).toBe("TPM_RC_SUCCESS");
    const left = room - whole * (4 + size) - 148;
    expect(define(tpm, { nvIndex: 0x0110_0000, dataSize: left + 1 })).toBe("TPM_RC_NV_SPACE");
    expect(define(tpm, { nvIndex: 0x0110_0000, dataSize: left })).toBe("TPM_RC_SUCCESS");
    // What is kept for counters is there for them.
    expect(define(tpm, { nvIndex: 0x0110_0001, attributes: { TPM_NT: COUNTER } })).toBe("TPM_RC_SUCCESS");
    expect(define(tpm, { nvIndex: 0x0110_0002, dataSize: 0 })).toBe("TPM_RC_NV_SPACE");
  });

  test("refuses orderly Indices that do not fit into RAM", () => {
    const tpm = TestTpm.started();
    const attributes = { TPM_NT: ORDINARY, ORDERLY: true };
    expect(define(tpm, { attributes, dataSize: 512 - 12 - 12 })).toBe("TPM_RC_SUCCESS");
    expect(define(tpm, { attributes, dataSize: 1, nvIndex: 0x0100_0002 })).toBe("TPM_RC_NV_SPACE");
    expect(define(tpm, { attributes, dataSize: 0, nvIndex: 0x0100_0002 })).toBe("TPM_RC_SUCCESS");
  });
});

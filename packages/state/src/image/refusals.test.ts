import { createNodeProvider } from "@vtpm/crypto/node";
import { DEFAULT_V1, LATEST, NULL_PROFILE, type NvState, type Profile, Tpm } from "@vtpm/tpm2";
import { TPM_PT, TPM_SU } from "@vtpm/tpm2/spec";
import { poweredOff, SLOT, withProperties } from "@vtpm/tpm2/state";
import { TestPlatform, TestTpm } from "@vtpm/tpm2/testing";
import { type Bytes, encode, fromHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { ImageError } from "../image-error.ts";
import { differenceOf } from "../testing/difference.ts";
import { permanentImage } from "../testing/images.ts";
import { rulesFor } from "./beyond.ts";
import { decodePermanent, encodePermanent } from "./permanent.ts";
import { PERSISTENT_ALL } from "./persistent-all.ts";
import { readImage } from "./read-image.ts";
import { decodeVolatile, encodeVolatile } from "./volatile.ts";

type Body = PERSISTENT_ALL["body"];

/** An image with some of its body replaced. */
function edited(name: string, edit: (body: Body) => Partial<Body>): Bytes {
  const image = permanentImage(name);
  const value = readImage(PERSISTENT_ALL, image, rulesFor(image));
  return encode(PERSISTENT_ALL, { ...value, body: { ...value.body, ...edit(value.body) } });
}

function errorOf(image: Bytes): string {
  try {
    decodePermanent(image);
  } catch (error) {
    if (error instanceof ImageError) return `${error.path}: ${error.message}`;
    throw error;
  }
  return "none";
}

const expectSame = (image: Bytes): NvState => {
  const nv = decodePermanent(image);
  expect(differenceOf(encodePermanent(nv), image)).toBeUndefined();
  return nv;
};

describe("an image of another version", () => {
  test("keeps its versions, and what is skipped in them", () => {
    const later = Uint8Array.of(1, 2, 3);
    expectSame(edited("lib092-null", ({ orderly }) => ({ orderly: { ...orderly, version: 3, later } })));
    expectSame(edited("lib092-null", ({ nvram }) => ({ nvram: { ...nvram, version: 7, later } })));
  });

  test("of PERSISTENT_DATA before the levels of seeds has level 0, before the banks in use those to come", () => {
    const third = expectSame(
      edited("synthetic-level1-lib092", ({ persistent }) => ({
        persistent: { ...persistent, version: 3, minVersion: 1 },
      })),
    );
    expect(third.persistent).toMatchObject({ EPSeedCompatLevel: 0, SPSeedCompatLevel: 0, PPSeedCompatLevel: 0 });
    const second = expectSame(
      edited("synthetic-level1-lib092", ({ persistent }) => ({
        persistent: { ...persistent, version: 2, minVersion: 1 },
      })),
    );
    expect(second.persistent.pcrInUse).toEqual(second.persistent.pcrAllocated);
  });

  test("of STATE_RESET_DATA with narrow entries keeps them until a TPM Reset", () => {
    const image = edited("lib092-null.shutdownstate", ({ stateReset }) => ({
      stateReset: stateReset && {
        ...stateReset,
        version: 3,
        minVersion: 1,
        contextArray: stateReset.contextArray.map(() => 0),
      },
    }));
    const nv = expectSame(image);
    expect(nv.stateReset).toMatchObject({ contextSlotMask: 0xff, nullSeedCompatLevel: 1 });
    const tpm = new TestTpm();
    tpm.tpm.state = poweredOff(nv);
    tpm.powerOn(TPM_SU.STATE);
    expect(tpm.tpm.state.ram.stateReset.contextSlotMask).toBe(0xff);
    tpm.powerOn();
    expect(tpm.tpm.state.ram.stateReset.contextSlotMask).toBe(0xffff);
  });

  test("of OBJECT before version 3 has level 0", () => {
    const nv = expectSame(
      edited("lib092-null", ({ nvram }) => ({
        nvram: {
          ...nvram,
          nv: {
            ...nvram.nv,
            entries: nvram.nv.entries.map((entry) => {
              if (entry.kind !== "object" || entry.object.content.object === undefined) return entry;
              const object = { ...entry.object.content.object, version: 2, minVersion: 1 };
              return { ...entry, object: { ...entry.object, content: { ...entry.object.content, object } } };
            }),
          },
        },
      })),
    );
    expect([...nv.objects.values()].map(({ seedCompatLevel }) => seedCompatLevel)).toEqual(Array(7).fill(0));
  });
});

test("an image keeps what entries of NV memory take, where libtpms does not rely on it", () => {
  const sizes = (isOrderly: boolean) =>
    edited("lib092-null", ({ nvram }) => ({
      nvram: {
        ...nvram,
        nv: {
          ...nvram.nv,
          entries: nvram.nv.entries.map((entry) => {
            const changes = entry.kind === "object" || (entry.data.length === 0) === isOrderly;
            return changes ? { ...entry, size: 9 } : entry;
          }),
        },
      },
    }));
  expectSame(sizes(false));
  expect(errorOf(sizes(true))).toMatch(/NV Index 0x1500005 takes 152 bytes, not 9/);
});

describe("an image is refused", () => {
  test.each<readonly [string, (body: Body) => Partial<Body>, RegExp]>([
    [
      "compiled with other sizes",
      ({ constants }) => ({
        constants: { ...constants, values: constants.values.map((value, i) => (i === 50 ? 23 : value)) },
      }),
      /PA_COMPILE_CONSTANTS\.values: .*IMPLEMENTATION_PCR is 23, this TPM has 24/,
    ],
    [
      "with a bank twice",
      ({ persistent }) => ({
        persistent: {
          ...persistent,
          pcrAllocated: [...persistent.pcrAllocated.slice(0, 3), ...persistent.pcrAllocated.slice(0, 1)],
        },
      }),
      /PERSISTENT_DATA\.pcrAllocated: .*a bank is there twice/,
    ],
    [
      "with a policy of another size than its digest",
      ({ persistent }) => ({ persistent: { ...persistent, lockoutPolicy: new Uint8Array(20) } }),
      /PERSISTENT_DATA: .*a policy of 20 bytes, expected 0/,
    ],
    [
      "of a TPM stopped in an impossible way",
      ({ persistent }) => ({ persistent: { ...persistent, orderlyState: 5 } }),
      /PERSISTENT_DATA\.orderlyState: .*0x5 is no way to stop a TPM/,
    ],
    [
      "with an NV Index twice",
      ({ nvram }) => ({
        nvram: { ...nvram, nv: { ...nvram.nv, entries: nvram.nv.entries.flatMap((entry) => [entry, entry]) } },
      }),
      /USER_NVRAM\.nv\.entries\[1\]|USER_NVRAM\.nv: .*is there twice/,
    ],
    [
      "with an orderly NV Index that is not in RAM",
      ({ orderlyRam }) => ({
        orderlyRam: { ...orderlyRam, ram: { ...orderlyRam.ram, entries: orderlyRam.ram.entries.slice(1) } },
      }),
      /PERSISTENT_ALL\.body: .*2 orderly NV Indices, 1 of them in RAM/,
    ],
    [
      "with the orderly NV Index of nobody",
      ({ nvram }) => ({ nvram: { ...nvram, nv: { ...nvram.nv, entries: [] } } }),
      /PERSISTENT_ALL\.body: .*0x1500005 is in RAM, but no orderly NV Index/,
    ],
    [
      "with an object that does not know where it is",
      ({ nvram }) => ({
        nvram: {
          ...nvram,
          nv: {
            ...nvram.nv,
            entries: nvram.nv.entries.map((entry) =>
              entry.kind === "object" ? { ...entry, handle: entry.handle + 0x100 } : entry,
            ),
          },
        },
      }),
      /the object 0x8101?[0-9a-f]+ does not say that it is persistent there/,
    ],
    [
      "with a key whose private exponent is of another",
      ({ nvram }) => ({
        nvram: {
          ...nvram,
          nv: {
            ...nvram.nv,
            entries: nvram.nv.entries.map((entry) => {
              const object = entry.kind === "object" ? entry.object.content.object : undefined;
              if (entry.kind !== "object" || object?.privateExponent === undefined) return entry;
              const privateExponent = { ...object.privateExponent, qInv: object.privateExponent.qInv + 1n };
              const content = { ...entry.object.content, object: { ...object, privateExponent } };
              return { ...entry, object: { ...entry.object, content } };
            }),
          },
        },
      }),
      /ANY_OBJECT\.content\.object: .*private exponent/,
    ],
  ])("%s", (_title, edit, error) => {
    expect(errorOf(edited("lib092-null", edit))).toMatch(error);
  });

  test.each<readonly [string, number, string, RegExp]>([
    ["of another magic", 2, "ab364724", /PERSISTENT_ALL\.magic: .*magic is 0xab364724, expected 0xab364723/],
    ["of a later libtpms", 0, "0009ab3647230009", /PERSISTENT_ALL: .*version 9 is for readers of 9, this one knows 4/],
    ["with a count that its bytes do not hold", 16, "ffffffff", /PA_COMPILE_CONSTANTS\.values: .*4294967295 constants/],
  ])("%s", (_title, offset, hex, error) => {
    const image = permanentImage("lib092-null");
    image.set(fromHex(hex), offset);
    expect(errorOf(image)).toMatch(error);
  });
});

describe("what libtpms has no place for", () => {
  const platform = new TestPlatform();
  const manufactured = (profile: Profile): NvState => Tpm.manufacture(platform, profile).state.nv;
  const versionOf = (image: Bytes): number => new DataView(image.buffer, image.byteOffset).getUint16(0);
  const BEYOND = 0x8001;

  test("makes an image that it refuses by its version; other profiles have libtpms' own", () => {
    expect(versionOf(encodePermanent(manufactured(NULL_PROFILE)))).toBe(3);
    expect(versionOf(encodePermanent(manufactured(DEFAULT_V1)))).toBe(4);
    expect(versionOf(encodePermanent(manufactured(LATEST)))).toBe(BEYOND);
  });

  test("is read back: profile latest, and the properties of an embedding program", () => {
    expect(expectSame(encodePermanent(manufactured(LATEST))).profile).toBe(LATEST);
    const own = withProperties(DEFAULT_V1, [[TPM_PT.MANUFACTURER, 0x58595a00]]);
    const image = encodePermanent(manufactured(own));
    expect(versionOf(image)).toBe(BEYOND);
    expect(expectSame(image).profile.properties.get(TPM_PT.MANUFACTURER)).toBe(0x58595a00);
  });

  test("of a running TPM: a CMAC in the making, whatever the profile", () => {
    const tpm = TestTpm.started({ profile: DEFAULT_V1 });
    const { nv, ram } = tpm.tpm.state;
    const sequence = {
      kind: SLOT.SEQUENCE,
      attributes: 0x140,
      auth: new Uint8Array(0),
      hashes: [],
      hmacKey: new Uint8Array(16),
      mac: new Uint8Array(21),
    } as const;
    const state = { nv, ram: { ...ram, objects: new Map([[0x80000001, sequence]]) } };
    const clocks = { monotonicMs: 5n, wallClockMs: 6n, crypto: createNodeProvider() };
    expect(decodeVolatile(encodeVolatile(state, clocks), nv, clocks).ram.objects).toEqual(state.ram.objects);
  });
});

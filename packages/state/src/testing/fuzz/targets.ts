import { createNodeProvider } from "@vtpm/crypto/node";
import type { NvState } from "@vtpm/tpm2";
import { poweredOff } from "@vtpm/tpm2/state";
import { TestTpm } from "@vtpm/tpm2/testing";
import { type Bytes, concatBytes, type Description, equalBytes, fromHex } from "@vtpm/wire";
import {
  decodeLinearHeader,
  decodePermanent,
  decodeVolatile,
  describeImage,
  EnvelopeError,
  encodeLinearHeader,
  encodePermanent,
  encodeVolatile,
  ImageError,
  LinearError,
  openBlob,
  openEnvelope,
  sealBlob,
  sealEnvelope,
} from "../../index.ts";
import { liveImage, PERMANENT_IMAGES } from "../images.ts";
import { readVector } from "../vectors.ts";

const crypto = createNodeProvider();
const KEY = fromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const SHORT_KEY = KEY.slice(0, 16);
const SHA1_SIZE = 20;
const TIME = { monotonicMs: 1_000_000n, wallClockMs: 1_700_000_000_000n, crypto };
/** Commands that look into everything: handles, indices, properties, PCRs, random numbers. */
const LOOKS = [
  "80010000000c0000014400 00",
  "8001000000160000017a 00000001 81000000 000000ff",
  "8001000000160000017a 00000001 01000000 000000ff",
  "8001000000160000017a 00000001 80000000 000000ff",
  "8001000000160000017a 00000001 02000000 000000ff",
  "8001000000160000017a 00000006 00000200 000000ff",
  "80010000000c0000017b 0010",
  "8001000000140000017e 00000001 000b 03 ff00ff",
  "80010000000e00000173 81010001",
  "80010000000e00000169 01500001",
  "80010000000c00000145 0001",
].map(fromHex);

/** Something that reads bytes from outside. */
export interface Target {
  readonly name: string;
  /** Good bytes, and the parts they have. */
  readonly seeds: readonly { readonly bytes: Bytes; readonly tree: Description }[];
  /** Makes bytes that would be refused at their first check look good again. */
  readonly repaired: (bytes: Bytes) => Bytes;
  /** Reads the bytes: returns whether they were taken, having checked what must hold then. */
  readonly take: (bytes: Bytes) => boolean;
}

/** A TPM with this state answers, whatever it is asked, and what it has then can be stored and read. */
function useTpm(tpm: TestTpm): void {
  for (const command of LOOKS) tpm.send(command);
  if (tpm.faults.length > 0) throw new Error("the TPM failed", { cause: tpm.faults[0] });
  decodePermanent(encodePermanent(tpm.tpm.state.nv));
}

function whether(take: () => void, refusals: readonly (new (...args: never[]) => Error)[]): boolean {
  try {
    take();
    return true;
  } catch (error) {
    if (refusals.some((refusal) => error instanceof refusal)) return false;
    throw error;
  }
}

/** Only what reads the image may refuse it; what is done with it afterwards may not. */
function read<T>(decode: () => T): T | undefined {
  let value: T | undefined;
  return whether(() => {
    value = decode();
  }, [ImageError])
    ? value
    : undefined;
}

const permanent: Target = {
  name: "permanent",
  seeds: PERMANENT_IMAGES.map(([, image]) => ({ bytes: image(), tree: describeImage(image()) })),
  repaired: (bytes) => bytes,
  take(bytes) {
    const nv = read(() => decodePermanent(bytes));
    if (nv === undefined) return false;
    if (!equalBytes(encodePermanent(nv), bytes)) throw new Error("what was read is written in another way");
    const tpm = new TestTpm();
    tpm.tpm.state = poweredOff(nv);
    tpm.powerOn();
    useTpm(tpm);
    return true;
  },
};

const live = ["lib092-null", "lib011-default-v1"].map((name) => {
  const image = liveImage(name, "volatile");
  return { bytes: image, tree: describeImage(image), nv: decodePermanent(liveImage(name, "permanent")) };
});

const volatile: Target = {
  name: "volatile",
  seeds: live,
  repaired(bytes) {
    const body = bytes.slice(0, Math.max(0, bytes.length - SHA1_SIZE));
    return concatBytes(body, crypto.hash("SHA1", body));
  },
  take(bytes) {
    let taken = false;
    for (const { nv } of live) taken = resume(bytes, nv) || taken;
    return taken;
  },
};

function resume(bytes: Bytes, nv: NvState): boolean {
  const state = read(() => decodeVolatile(bytes, nv, TIME));
  if (state === undefined) return false;
  decodeVolatile(encodeVolatile(state, TIME), nv, TIME);
  const tpm = new TestTpm();
  tpm.platform.clock = Number(TIME.monotonicMs);
  tpm.tpm.state = state;
  useTpm(tpm);
  return true;
}

const entropy = (size: number): Bytes => new Uint8Array(size).fill(5);
const sealing = { crypto, entropy };
const content = PERMANENT_IMAGES.map(([, image]) => image())[0] ?? new Uint8Array(100);
/** Header, flags, sizes and tags of an envelope, without knowing them all: every two and every four bytes of its beginning and end. */
const flat = (bytes: Bytes): Description => ({
  ...{ name: "bytes", type: "bytes", offset: 0, size: bytes.length, raw: bytes, text: "" },
  children: [...Array(22).keys(), ...Array.from({ length: 80 }, (_, i) => bytes.length - 80 + i)].flatMap((offset) =>
    [1, 2, 4].map((size) => ({
      name: "",
      type: "",
      offset,
      size: Math.min(size, bytes.length - offset),
      raw: bytes,
      text: "",
      children: [],
    })),
  ),
});

const envelopes = [
  sealEnvelope(content, sealing),
  sealEnvelope(content, { ...sealing, key: KEY }),
  sealEnvelope(content, { ...sealing, key: SHORT_KEY }),
  sealBlob(content, { ...sealing, key: KEY, migrationKey: SHORT_KEY }),
  sealBlob(content, sealing),
];
const envelope: Target = {
  name: "envelope",
  seeds: envelopes.map((bytes) => ({ bytes, tree: flat(bytes) })),
  repaired(bytes) {
    const repaired = bytes.slice();
    if (repaired.length >= 10) new DataView(repaired.buffer).setUint32(6, repaired.length);
    return repaired;
  },
  take(bytes) {
    let taken = false;
    for (const key of [undefined, KEY, SHORT_KEY]) {
      for (const migrationKey of [undefined, SHORT_KEY]) {
        taken = whether(() => openBlob(bytes, { key, migrationKey, crypto }), [EnvelopeError]) || taken;
      }
      taken = whether(() => openEnvelope(bytes, { key, crypto }), [EnvelopeError]) || taken;
    }
    return taken;
  },
};

const store = readVector("swtpm/linear.hex");
const linear: Target = {
  name: "linear",
  seeds: [{ bytes: store.slice(0, 192), tree: flat(store.slice(0, 192)) }],
  repaired: (bytes) => bytes,
  take: (bytes) =>
    whether(() => {
      const sections = decodeLinearHeader(bytes, store.length);
      for (const { offset, size } of sections.values()) {
        if (offset + size > store.length) throw new Error("a section outside of the store was taken");
      }
      decodeLinearHeader(encodeLinearHeader(sections), store.length);
    }, [LinearError]),
};

export const TARGETS: readonly Target[] = [permanent, volatile, envelope, linear];

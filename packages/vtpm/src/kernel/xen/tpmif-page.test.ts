import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PAGE_SIZE } from "./hypervisor.ts";
import { capacityOf, readPacket, readRequest, writePacket } from "./tpmif-page.ts";

/** A page as a front end may leave it: anything in the header, which is all that lengths and places come from. */
const header = fc.uint8Array({ minLength: 16, maxLength: 16 });

function pagesWith(bytes: Uint8Array): {
  readonly pages: Uint8Array[];
  readonly request: ReturnType<typeof readRequest>;
} {
  const first = new Uint8Array(PAGE_SIZE);
  first.set(bytes);
  const request = readRequest(first);
  return { pages: [first, ...request.extraGrants.map(() => new Uint8Array(PAGE_SIZE))], request };
}

describe("whatever the header of a page says,", () => {
  test("no more pages are asked for than a command needs, and there is room for a response", () => {
    fc.assert(
      fc.property(header, (bytes) => {
        const { request } = pagesWith(bytes);
        expect(request.extraGrants.length).toBeLessThanOrEqual(2);
        expect(capacityOf(request)).toBeGreaterThan(PAGE_SIZE / 2);
        expect(capacityOf(request)).toBeLessThanOrEqual(3 * PAGE_SIZE);
      }),
    );
  });

  test("no more is copied than there is, and later changes do not reach the copy", () => {
    fc.assert(
      fc.property(header, (bytes) => {
        const { pages, request } = pagesWith(bytes);
        const packet = readPacket(pages, request);
        expect(packet.length).toBe(Math.min(request.length, capacityOf(request)));
        for (const page of pages) page.fill(0xff);
        expect(packet.slice(request.extraGrants.length === 0 ? 16 : 4096).every((byte) => byte === 0)).toBe(true);
      }),
    );
  });

  test("a response as large as the pages comes back out of them, and leaves the header but for its length", () => {
    fc.assert(
      fc.property(header, (bytes) => {
        const { pages, request } = pagesWith(bytes);
        const [first = new Uint8Array(0)] = pages;
        const response = Uint8Array.from({ length: capacityOf(request) }, (_, i) => i * 7);
        const before = first.slice(4, request.offset);
        writePacket(pages, request, response);
        expect(first.slice(4, request.offset)).toEqual(before);
        const written = { ...request, length: response.length };
        expect(Buffer.compare(readPacket(pages, written), response)).toBe(0);
        expect(readRequest(first).length).toBe(response.length);
      }),
    );
  });
});

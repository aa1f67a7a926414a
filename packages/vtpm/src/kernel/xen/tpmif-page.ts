import type { Bytes } from "@vtpm/wire";
import { PAGE_SIZE } from "./hypervisor.ts";

/** Who owns the page, and what is in it. Xen's `io/tpmif.h`: `enum vtpm_shared_page_state` */
export const PAGE_STATE = { IDLE: 0, SUBMIT: 1, FINISH: 2, CANCEL: 3 } as const;

/** Offsets in the header of the page: length of the packet, state, locality, number of extra pages, their grants. */
const LENGTH = 0;
const STATE = 4;
const LOCALITY = 5;
const EXTRA_PAGES = 7;
const HEADER_SIZE = 8;
const GRANT_SIZE = 4;
/** Together with the first page more than any command or response needs. */
const MAX_EXTRA_PAGES = 2;

/** A request, copied out of the page: what the front end changes afterwards has no effect on it. */
export interface PageRequest {
  /** 0 to 255. */
  readonly locality: number;
  /** Bytes that the front end says its command has. */
  readonly length: number;
  /** Where the packet starts in the first page. */
  readonly offset: number;
  /** Grants of the pages in which the packet goes on. */
  readonly extraGrants: readonly number[];
}

export const pageState = (page: Bytes): number => Atomics.load(page, STATE);

/** Hands the page to the front end: what was written before is visible when it sees the state. */
export function setPageState(page: Bytes, state: number): void {
  Atomics.store(page, STATE, state);
}

/** The header of the page. Nothing in it is believed: lengths are limited where the packet is copied. */
export function readRequest(page: Bytes): PageRequest {
  const view = new DataView(page.buffer, page.byteOffset, PAGE_SIZE);
  const announced = view.getUint8(EXTRA_PAGES);
  const extraGrants: number[] = [];
  for (let n = 0; n < Math.min(announced, MAX_EXTRA_PAGES); n++) {
    extraGrants.push(view.getUint32(HEADER_SIZE + n * GRANT_SIZE, true));
  }
  return {
    locality: view.getUint8(LOCALITY),
    length: view.getUint32(LENGTH, true),
    offset: HEADER_SIZE + announced * GRANT_SIZE,
    extraGrants,
  };
}

/** Bytes that fit into the pages of a request. */
export const capacityOf = ({ offset, extraGrants }: PageRequest): number =>
  PAGE_SIZE - offset + PAGE_SIZE * extraGrants.length;

/** A copy of the packet, no longer than the pages are. */
export function readPacket(pages: readonly Bytes[], request: PageRequest): Bytes {
  const packet = new Uint8Array(Math.min(request.length, capacityOf(request)));
  forEachPiece(pages, request.offset, packet.length, (piece, at) => packet.set(piece, at));
  return packet;
}

/** Puts a response where the command was. It must not be longer than the pages are. */
export function writePacket(pages: readonly Bytes[], request: PageRequest, packet: Bytes): void {
  forEachPiece(pages, request.offset, packet.length, (piece, at) => piece.set(packet.subarray(at, at + piece.length)));
  const [first] = pages;
  if (first !== undefined) new DataView(first.buffer, first.byteOffset).setUint32(LENGTH, packet.length, true);
}

/** The parts of the pages in which a packet of `length` bytes lies. */
function forEachPiece(
  pages: readonly Bytes[],
  offset: number,
  length: number,
  action: (piece: Bytes, at: number) => void,
): void {
  let at = 0;
  for (const page of pages) {
    const start = at === 0 ? offset : 0;
    const size = Math.min(PAGE_SIZE - start, length - at);
    if (size <= 0) return;
    action(page.subarray(start, start + size), at);
    at += size;
  }
}

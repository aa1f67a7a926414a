import type { Bytes } from "@vtpm/wire";
import { libcFunction } from "./libc.ts";

const epollCreate1 = libcFunction("int epoll_create1(int flags)");
const epollCtl = libcFunction("int epoll_ctl(int epoll, int operation, int fd, void *event)");
const epollWait = libcFunction("int epoll_wait(int epoll, void *events, int count, int timeoutMs)");

const EPOLL_CLOEXEC = 0o2000000;

/** What is done with a descriptor's entry. */
export const EPOLL_CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;
type Operation = (typeof EPOLL_CTL)[keyof typeof EPOLL_CTL];

export const EPOLL = { IN: 0x1, ERR: 0x8, HUP: 0x10, ONESHOT: 0x4000_0000 } as const;

/** struct epoll_event, the only one that is packed, and on one architecture only. */
const [ID_AT, EVENT_SIZE] = process.arch === "x64" ? [4, 12] : [8, 16];
const MAX_EVENTS = 64;

/** A descriptor that is ready, by the number it was entered with. */
export interface ReadyDescriptor {
  readonly id: number;
  readonly events: number;
}

/** A new, empty set of descriptors to wait for; a descriptor itself. */
export function createEpoll(): number {
  return epollCreate1(EPOLL_CLOEXEC);
}

/** Enters, changes or removes a descriptor; takes effect at once, also for a thread that is waiting. */
export function controlEpoll(epoll: number, operation: Operation, fd: number, events = 0, id = 0): void {
  const event = new Uint8Array(EVENT_SIZE);
  const view = new DataView(event.buffer);
  view.setUint32(0, events, true);
  view.setUint32(ID_AT, id, true);
  epollCtl(epoll, operation, fd, event);
}

/** Blocks the thread until descriptors are ready. */
export function waitForEpoll(epoll: number): readonly ReadyDescriptor[] {
  const events: Bytes = new Uint8Array(MAX_EVENTS * EVENT_SIZE);
  const count = epollWait(epoll, events, MAX_EVENTS, -1);
  const view = new DataView(events.buffer);
  return Array.from({ length: count }, (_, i) => ({
    id: view.getUint32(i * EVENT_SIZE + ID_AT, true),
    events: view.getUint32(i * EVENT_SIZE, true),
  }));
}

import type { Bytes } from "@vtpm/wire";

/** Bytes of a page. */
export const PAGE_SIZE = 4096;

/** A page that another domain lets us use: it may change it at any moment. */
export interface GrantedPage {
  readonly bytes: Bytes;
  /** Gives the page back; `bytes` must not be touched any more. */
  unmap(): void;
}

/** Our end of an event channel. */
export interface EventChannel {
  /** Sends an event to the other end. */
  notify(): void;
  /** Events are no longer received. */
  unbind(): void;
}

/** What a back end needs of the hypervisor. All throw a `XenError` for what the other domain does not grant. */
export interface Hypervisor {
  mapPage(domain: number, grantReference: number): GrantedPage;
  /** `onEvent` is called, soon after the call or later, for each event; events that come in between are one. */
  bindEventChannel(domain: number, port: number, onEvent: () => void): EventChannel;
}

import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import type { Bytes } from "@vtpm/wire";
import { isPassing, reasonOf } from "../../host-error.ts";
import { ioctl } from "../../native/descriptor.ts";
import { hostStruct } from "../../native/host-struct.ts";
import { mapMemory } from "../../native/mapped-memory.ts";
import type { Poller, Watch } from "../../native/poller.ts";
import { type EventChannel, type GrantedPage, type Hypervisor, PAGE_SIZE } from "./hypervisor.ts";
import { XenError } from "./xen-error.ts";

/** Linux' `xen/evtchn.h` */
const EVTCHN = { BIND_INTERDOMAIN: 0x00084501, UNBIND: 0x00044503, NOTIFY: 0x00044504 } as const;
const BIND = hostStruct({ remoteDomain: "u32", remotePort: "u32" });
const PORT = hostStruct({ port: "u32" });
/** Linux' `xen/gntdev.h` */
const GNTDEV = { MAP_GRANT_REF: 0x00184700, UNMAP_GRANT_REF: 0x00104701 } as const;
const MAP = hostStruct({ count: "u32", pad: "u32", index: "u64", domain: "u32", reference: "u32" });
const UNMAP = hostStruct({ index: "u64", count: "u32", pad: "u32" });

/** Ports of which one read tells at most. */
const PORTS_AT_ONCE = 64;

/** The hypervisor by way of Linux' character devices; no library of Xen's is needed. */
export class KernelHypervisor implements Hypervisor {
  readonly #eventDevice: number;
  readonly #grantDevice: number;
  readonly #watch: Watch;
  readonly #onEvent = new Map<number, () => void>();

  /** Throws `XEN_UNAVAILABLE` where there is no Xen below. */
  constructor(poller: Poller) {
    // A read that finds nothing after all must not stop this process.
    this.#eventDevice = openDevice("/dev/xen/evtchn", constants.O_RDWR | constants.O_NONBLOCK);
    try {
      this.#grantDevice = openDevice("/dev/xen/gntdev", constants.O_RDWR);
    } catch (error) {
      closeSync(this.#eventDevice);
      throw error;
    }
    this.#watch = poller.watch(this.#eventDevice, () => this.#deliver());
  }

  mapPage(domain: number, grantReference: number): GrantedPage {
    const request = MAP.encode({ count: 1, domain, reference: grantReference });
    return granted(`grant ${grantReference} of domain ${domain} cannot be mapped`, () => {
      ioctl(this.#grantDevice, GNTDEV.MAP_GRANT_REF, request);
      const { index } = MAP.decode(request);
      const release = (): void =>
        void ioctl(this.#grantDevice, GNTDEV.UNMAP_GRANT_REF, UNMAP.encode({ index, count: 1 }));
      try {
        const { bytes, unmap } = mapMemory(this.#grantDevice, Number(index), PAGE_SIZE);
        return {
          bytes,
          unmap() {
            unmap();
            release();
          },
        };
      } catch (error) {
        release();
        throw error;
      }
    });
  }

  bindEventChannel(domain: number, port: number, onEvent: () => void): EventChannel {
    const device = this.#eventDevice;
    const local = granted(`event channel ${port} of domain ${domain} cannot be bound`, () =>
      ioctl(device, EVTCHN.BIND_INTERDOMAIN, BIND.encode({ remoteDomain: domain, remotePort: port })),
    );
    const onPort = PORT.encode({ port: local });
    this.#onEvent.set(local, onEvent);
    return {
      notify: () => void ioctl(device, EVTCHN.NOTIFY, onPort),
      unbind: () => {
        this.#onEvent.delete(local);
        ioctl(device, EVTCHN.UNBIND, onPort);
      },
    };
  }

  close(): void {
    this.#watch.stop();
    closeSync(this.#eventDevice);
    closeSync(this.#grantDevice);
  }

  /** A port is masked from its event until it is written back: a front end cannot make more work than it waits for. */
  #deliver(): void {
    const ports = new Uint8Array(PORTS_AT_ONCE * PORT.size);
    const size = this.#readPorts(ports);
    for (let at = 0; at + PORT.size <= size; at += PORT.size) {
      const { port } = PORT.decode(ports, at);
      const onEvent = this.#onEvent.get(port);
      if (onEvent === undefined) continue; // unbound meanwhile
      writeSync(this.#eventDevice, ports.subarray(at, at + PORT.size));
      onEvent();
    }
    this.#watch.rearm();
  }

  #readPorts(ports: Bytes): number {
    try {
      return readSync(this.#eventDevice, ports);
    } catch (error) {
      if (isPassing(error)) return 0;
      throw error;
    }
  }
}

function openDevice(path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    const remedy = "this must run as root in a domain under Xen, with the modules xen_evtchn and xen_gntdev";
    throw new XenError("XEN_UNAVAILABLE", `cannot open ${path}: ${reasonOf(error)}; ${remedy}`, { cause: error });
  }
}

function granted<T>(failure: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    throw new XenError("XEN_UNAVAILABLE", `${failure}: ${reasonOf(error)}`, { cause: error });
  }
}

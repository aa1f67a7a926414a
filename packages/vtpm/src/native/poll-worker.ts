import { parentPort, workerData } from "node:worker_threads";
import { systemErrorCode } from "../host-error.ts";
import { type ReadyDescriptor, waitForEpoll } from "./epoll.ts";
import { koffi } from "./koffi.ts";

/** What the thread is started with. */
export interface PollWorkerData {
  readonly epoll: number;
  /** The number under which the descriptor that ends the thread is entered. */
  readonly end: number;
}

/** The thread of a poller: waits, and reports what is ready. */
const { epoll, end }: PollWorkerData = workerData;
koffi();
parentPort?.postMessage([]); // all that this thread will ever load is loaded
for (;;) {
  const ready = wait();
  if (ready.length > 0) parentPort?.postMessage(ready);
  if (ready.some(({ id }) => id === end)) break;
}

function wait(): readonly ReadyDescriptor[] {
  try {
    return waitForEpoll(epoll);
  } catch (error) {
    if (systemErrorCode(error) === "EINTR") return [];
    throw error;
  }
}

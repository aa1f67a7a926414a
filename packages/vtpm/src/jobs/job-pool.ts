import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import type { Job, JobResult } from "@vtpm/tpm2";
import { reasonOf } from "../host-error.ts";
import { JobCancelled, type JobRunner, type RunningJob } from "./job-runner.ts";

/** How often a job is begun again after the thread that did it has ended: the thread may have died of something else. */
const ATTEMPTS = 2;
const WORKER = new URL("./job-worker.js", import.meta.url);

/** The module that threads run, as a URL that needs no file: for a process that will not reach it any more. */
export function preloadedJobWorker(): URL {
  return new URL(`data:text/javascript;base64,${readFileSync(WORKER, "base64")}`);
}

export interface JobPoolOptions {
  /** Threads at most; by default one less than there are processors. */
  readonly size?: number;
  /** The module that each thread runs. */
  readonly worker?: URL;
}

class Task {
  readonly job: Job;
  readonly result: Promise<JobResult>;
  attempts = 0;
  resolve!: (result: JobResult) => void;
  reject!: (error: Error) => void;

  constructor(job: Job) {
    this.job = job;
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/**
 * Does jobs in threads, one job per thread at a time. Threads are started when there is work and then kept; idle ones do
 * not keep the process alive. Cancelling a job ends its thread, since nothing else stops a computation.
 */
export class JobPool implements JobRunner {
  readonly #size: number;
  readonly #worker: URL;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Task>();
  #waiting: Task[] = [];

  constructor(options: JobPoolOptions = {}) {
    this.#size = options.size ?? Math.max(1, availableParallelism() - 1);
    this.#worker = options.worker ?? WORKER;
  }

  run(job: Job): RunningJob {
    const task = new Task(job);
    this.#waiting.push(task);
    this.#startWaiting();
    return { result: task.result, cancel: () => this.#cancel(task) };
  }

  /** Ends all threads; jobs under way reject. */
  async close(): Promise<void> {
    const workers = [...this.#idle, ...this.#busy.keys()];
    for (const task of [...this.#waiting, ...this.#busy.values()]) this.#cancel(task);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #startWaiting(): void {
    while (this.#busy.size < this.#size) {
      const task = this.#waiting.shift();
      if (task === undefined) return;
      const worker = this.#idle.pop() ?? this.#startWorker();
      this.#busy.set(worker, task);
      task.attempts++;
      worker.ref();
      worker.postMessage(task.job);
    }
  }

  #startWorker(): Worker {
    // Loaded when there is work: most TPMs start without.
    const { Worker: Thread } = process.getBuiltinModule("node:worker_threads");
    const worker = new Thread(this.#worker);
    let failure: unknown = new Error("the thread ended");
    worker.on("message", (result: JobResult) => {
      worker.unref();
      const task = this.#busy.get(worker);
      this.#busy.delete(worker);
      this.#idle.push(worker);
      task?.resolve(result);
      this.#startWaiting();
    });
    worker.on("error", (error) => {
      failure = error;
    });
    worker.on("exit", () => this.#bury(worker, failure));
    return worker;
  }

  /** Forgets a thread that has ended, and sees to its job. */
  #bury(worker: Worker, failure: unknown): void {
    const place = this.#idle.indexOf(worker);
    if (place >= 0) this.#idle.splice(place, 1);
    const task = this.#busy.get(worker);
    this.#busy.delete(worker);
    if (task !== undefined && task.attempts < ATTEMPTS) this.#waiting.unshift(task);
    else task?.reject(new Error(`a job failed: ${reasonOf(failure)}`, { cause: failure }));
    this.#startWaiting();
  }

  #cancel(task: Task): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== task);
    for (const [worker, running] of this.#busy) {
      if (running !== task) continue;
      this.#busy.delete(worker);
      void worker.terminate();
    }
    task.reject(new JobCancelled("the job was cancelled"));
    this.#startWaiting();
  }
}

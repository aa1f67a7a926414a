import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { TPM_SU } from "../host/tpm2-messages.ts";
import type { OpenDomainTpm } from "../kernel/xen/tpm-by-uuid.ts";
import { TpmsByUuid } from "../kernel/xen/tpms-by-uuid.ts";
import { XenBackEnd } from "../kernel/xen/xen-back-end.ts";
import { Xenstore } from "../kernel/xen/xenstore.ts";
import { FakeDomain, FakeHypervisor } from "./fake-xen-domain.ts";
import { FakeXenstored } from "./fake-xenstored.ts";

export interface StartedBackEnd {
  readonly backEnd: XenBackEnd;
  stop(): Promise<void>;
}

/** Back ends on a xenstored and a hypervisor of this process, and the domains that they serve. */
export class XenBackEnds {
  readonly xenstored: FakeXenstored;
  readonly hypervisor = new FakeHypervisor();
  /** Of the TPMs. */
  readonly directory = mkdtempSync(join(tmpdir(), "vtpm-xen-"));
  /** What a person might want to know, and what went wrong. */
  readonly notes: string[] = [];
  readonly faults: unknown[] = [];
  #running: StartedBackEnd[] = [];

  private constructor(xenstored: FakeXenstored) {
    this.xenstored = xenstored;
  }

  static async create(): Promise<XenBackEnds> {
    return new XenBackEnds(await FakeXenstored.start());
  }

  /** `wrap` may stand between the back end and its TPMs. */
  async start(
    startup: TPM_SU = TPM_SU.CLEAR,
    wrap: (open: OpenDomainTpm) => OpenDomainTpm = (open) => open,
  ): Promise<StartedBackEnd> {
    const xenstore = await Xenstore.connect(this.xenstored.path);
    const onFault = (error: unknown): void => void this.faults.push(error);
    const tpms = new TpmsByUuid({ directory: this.directory, startup, onFault });
    const backEnd = await XenBackEnd.start({
      xenstore,
      hypervisor: this.hypervisor,
      openTpm: wrap((uuid) => tpms.open(uuid)),
      onNote: (text) => this.notes.push(text),
      onFault,
    });
    const started = {
      backEnd,
      stop: async () => {
        this.#running = this.#running.filter((other) => other !== started);
        await backEnd.stop().finally(() => xenstore.close());
      },
    };
    this.#running.push(started);
    return started;
  }

  domain(id: number): FakeDomain {
    return new FakeDomain(this.xenstored, this.hypervisor, id);
  }

  stateOf(domain: FakeDomain): string | undefined {
    return this.xenstored.get(`${domain.backEnd}/state`);
  }

  becomes(domain: FakeDomain, state: string | undefined): Promise<void> {
    return vi.waitFor(() => expect(this.stateOf(domain)).toBe(state), { timeout: 60_000 });
  }

  /** A domain whose front end is connected to its TPM. */
  async connected(id: number, uuid: string): Promise<FakeDomain> {
    const domain = this.domain(id);
    domain.attach(uuid);
    await this.becomes(domain, "2");
    expect(this.xenstored.get(`${domain.backEnd}/feature-protocol-v2`)).toBe("1");
    domain.announce();
    await this.becomes(domain, "4");
    return domain;
  }

  /** Stops what is still running, and forgets everything. */
  async end(): Promise<void> {
    for (const started of this.#running) await started.stop();
    await this.xenstored.stop();
    rmSync(this.directory, { recursive: true });
  }
}

import type { Bytes } from "@vtpm/wire";

/** The TPM of one domain, powered on. */
export interface DomainTpm {
  /** Executes a command; always answers. */
  execute(command: Bytes, locality: number): Promise<Bytes>;
  /** Cancels the command in hand if it is a long one. */
  cancel(): void;
  /**
   * Shuts the TPM down and gives its state up. Where the domain has ended its device itself, nothing is left for it to resume; it may
   * resume from where the device was taken away: it was saved, say.
   */
  release(end: "ended" | "taken away"): Promise<void>;
  /** Gives the state up as it is, loaded keys and PCRs included: who opens the TPM next goes on from here. */
  suspend(): Promise<void>;
}

/** Opens the TPM that belongs to a UUID, the same one each time. Rejects with a `HostError`. */
export type OpenDomainTpm = (uuid: string) => Promise<DomainTpm>;

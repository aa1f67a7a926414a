import type { Bytes } from "@vtpm/wire";

/** The TPM of one domain, powered on. */
export interface DomainTpm {
  /** Executes a command; always answers. */
  execute(command: Bytes, locality: number): Promise<Bytes>;
  /** Cancels the command in hand if it is a long one. */
  cancel(): void;
  /** The orderly end of the domain: the TPM is shut down and its state given up. */
  release(): Promise<void>;
  /** Gives the state up as it is, loaded keys and PCRs included: who opens the TPM next goes on from here. */
  suspend(): Promise<void>;
}

/** Opens the TPM that belongs to a UUID, the same one each time. Rejects with a `HostError`. */
export type OpenDomainTpm = (uuid: string) => Promise<DomainTpm>;

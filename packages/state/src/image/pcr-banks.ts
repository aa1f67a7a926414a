import { digestSize } from "@vtpm/crypto";
import { TPM_ALG, TPM2B_AUTH } from "@vtpm/tpm2/spec";
import { type Bytes, type Codec, concatBytes, constant, counted, settled, UINT16 } from "@vtpm/wire";

/** The banks that libtpms always has, in its order, with the size of their values. */
const BANKS: readonly (readonly [hashAlg: number, size: number])[] = [
  [TPM_ALG.SHA1, digestSize("SHA1")],
  [TPM_ALG.SHA256, digestSize("SHA256")],
  [TPM_ALG.SHA384, digestSize("SHA384")],
  [TPM_ALG.SHA512, digestSize("SHA512")],
];

/** As many values per bank, one behind the other, and behind the last bank TPM_ALG_NULL instead of another algorithm. */
function banksOf(count: number): Codec<ReadonlyMap<number, readonly Bytes[]>> {
  return {
    name: "PCR banks",
    shape: { kind: "foreign" },
    read(reader) {
      const banks = new Map<number, readonly Bytes[]>();
      for (const [hashAlg, size] of BANKS) {
        reader.part("hashAlg", constant("hashAlg", UINT16, hashAlg));
        reader.part("size", constant("size", UINT16, count * size));
        banks.set(
          hashAlg,
          Array.from({ length: count }, () => reader.bytes(size)),
        );
      }
      reader.part("end", constant("end of the banks", UINT16, TPM_ALG.NULL));
      return banks;
    },
    write(writer, banks) {
      for (const [hashAlg, size] of BANKS) {
        const values = banks.get(hashAlg) ?? Array.from({ length: count }, () => new Uint8Array(size));
        writer.uint16(hashAlg);
        writer.uint16(count * size);
        writer.bytes(concatBytes(...values));
      }
      writer.uint16(TPM_ALG.NULL);
    },
    text: () => "",
  };
}

/** The PCRs that Shutdown(STATE) keeps are the first ones. */
const SAVED_PCRS = 16;

export const PCR_SAVE = settled(
  "PCR_SAVE",
  { magic: 0x7372eabc },
  { count: constant("count", UINT16, SAVED_PCRS), banks: banksOf(SAVED_PCRS) },
);

/** One PCR in all banks. */
export const PCR = settled("PCR", { magic: 0xe95f0387 }, { banks: banksOf(1) });

export const PCR_AUTHVALUE = settled(
  "PCR_AUTHVALUE",
  { magic: 0x6be82eaf },
  { values: counted("authValues", TPM2B_AUTH, 1) },
);

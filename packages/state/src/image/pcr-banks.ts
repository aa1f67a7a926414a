import { digestSize } from "@vtpm/crypto";
import { TPM_ALG, TPM2B_AUTH, TPML_PCR_SELECTION } from "@vtpm/tpm2/spec";
import { digestSizeOf, PCR_BANKS } from "@vtpm/tpm2/state";
import { type Bytes, type Codec, checked, concatBytes, constant, counted, settled, UINT16 } from "@vtpm/wire";

/** The banks that libtpms always has, in its order, with the size of their values. */
const BANKS: readonly (readonly [hashAlg: number, size: number])[] = [
  [TPM_ALG.SHA1, digestSize("SHA1")],
  [TPM_ALG.SHA256, digestSize("SHA256")],
  [TPM_ALG.SHA384, digestSize("SHA384")],
  [TPM_ALG.SHA512, digestSize("SHA512")],
];

const isKnown = (hashAlg: number): boolean => BANKS.some(([alg]) => alg === hashAlg);

/** The banks that libtpms has no place for. */
export const otherBanks = (banks: PCR_BANKS): PCR_BANKS => new Map([...banks].filter(([hashAlg]) => !isKnown(hashAlg)));

/** Those banks with as many values each. */
export const otherBanksOf = (count: number): Codec<PCR_BANKS> =>
  checked(PCR_BANKS, (banks) => {
    for (const [hashAlg, values] of banks) {
      const name = `the bank 0x${hashAlg.toString(16)}`;
      if (isKnown(hashAlg)) return `${name} has its place elsewhere`;
      const fits = values.length === count && values.every((value) => value.length === digestSizeOf(hashAlg));
      if (!fits) return `${name} has not ${count} values of its size`;
    }
    return undefined;
  });

/** The same as a selection, each bank once. */
export const OTHER_SELECTION = checked(TPML_PCR_SELECTION, (banks) => {
  if (banks.some(({ hash }) => isKnown(hash))) return "a bank of libtpms has its place elsewhere";
  return new Set(banks.map(({ hash }) => hash)).size === banks.length ? undefined : "a bank is there twice";
});

/** A selection of PCRs in the banks of libtpms, and one in others. */
export const libtpmsSelection = (banks: TPML_PCR_SELECTION): TPML_PCR_SELECTION =>
  banks.filter(({ hash }) => isKnown(hash));
export const otherSelection = (banks: TPML_PCR_SELECTION): TPML_PCR_SELECTION =>
  banks.filter(({ hash }) => !isKnown(hash));

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
export const SAVED_PCRS = 16;
/** All PCRs of a bank. */
export const PCR_COUNT = 24;

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

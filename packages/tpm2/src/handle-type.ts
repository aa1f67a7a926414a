/** The type of a handle (`TPM_HT`): its most significant byte. */
export const handleTypeOf = (handle: number): number => Math.floor(handle / 2 ** 24);

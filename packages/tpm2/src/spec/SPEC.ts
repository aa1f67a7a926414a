/**
 * The text this engine follows: "Trusted Platform Module Library", family 2.0, version 1.84, Parts 1 to 4. Citations
 * (`@spec Part 3, "TPM2_NV_Read"`) name the heading there. Where libtpms 0.11 answers otherwise, libtpms is followed:
 * the profile `default-v1` is its profile of that name, answer for answer.
 */
export const SPEC = { family: "2.0", version: 184, reference: "libtpms 0.11" } as const;

export { Dice } from "./dice.ts";
export { readLibtpmsVectors } from "./libtpms-vectors.ts";
export { TestPlatform } from "./test-platform.ts";
export { rcOf, TestTpm } from "./test-tpm.ts";

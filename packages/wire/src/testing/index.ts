export { arbitrary, hostileBytes, isInhabited } from "./arbitrary.ts";
export { conforms, type Rows } from "./conforms.ts";
export { leavesOf } from "./leaves.ts";

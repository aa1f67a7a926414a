import { createTpm } from "vtpm";

const tpm = createTpm(); // powered on and started
const before = tpm.state; // immutable: a snapshot costs nothing
const getRandom = Uint8Array.from([0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 16]);
const response = tpm.execute(getRandom); // 80 01 00 00 00 1c 00 00 00 00 00 10, and 16 bytes
tpm.state = before; // and back
console.log(response);

import { createTpm } from "vtpm";

const tpm = createTpm();
const startup = Uint8Array.from([0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 0]);
const response = tpm.execute(startup); // 80 01 00 00 00 0a 00 00 00 00
const before = tpm.state; // immutable: a snapshot costs nothing
tpm.execute(Uint8Array.from([0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 16]));
tpm.state = before; // and back
console.log(response);

import type { Bytes, CipherMode, CipherResult } from "../provider.ts";
import type { BlockCipher } from "./block-cipher.ts";

type Direction = "encrypt" | "decrypt";

/**
 * Runs a mode over whole data; sizes have been checked. The iv left behind is described at `CipherResult`.
 *
 * @spec Part 2, "TPMI_ALG_SYM_MODE"
 */
export function runMode(
  cipher: BlockCipher,
  mode: CipherMode,
  direction: Direction,
  iv: Bytes,
  data: Bytes,
): CipherResult {
  switch (mode) {
    case "CTR":
      return counter(cipher, iv, data);
    case "OFB":
      return outputFeedback(cipher, iv, data);
    case "CFB":
      return cipherFeedback(cipher, direction, iv, data);
    case "CBC":
      return direction === "encrypt" ? chainEncrypt(cipher, iv, data) : chainDecrypt(cipher, iv, data);
    case "ECB":
      return { data: eachBlock(cipher, direction, data), iv: new Uint8Array(0) };
  }
}

function counter(cipher: BlockCipher, iv: Bytes, data: Bytes): CipherResult {
  const { blockSize } = cipher;
  const count = iv.slice();
  const out = data.slice();
  for (let start = 0; start < data.length; start += blockSize) {
    const stream = count.slice();
    cipher.encryptBlock(stream);
    xorInto(out, start, stream);
    increment(count);
  }
  return { data: out, iv: count };
}

function outputFeedback(cipher: BlockCipher, iv: Bytes, data: Bytes): CipherResult {
  const stream = iv.slice();
  const out = data.slice();
  for (let start = 0; start < data.length; start += cipher.blockSize) {
    cipher.encryptBlock(stream);
    xorInto(out, start, stream);
  }
  return { data: out, iv: stream };
}

function cipherFeedback(cipher: BlockCipher, direction: Direction, iv: Bytes, data: Bytes): CipherResult {
  const register = iv.slice();
  const out = data.slice();
  const ciphertext = direction === "encrypt" ? out : data;
  for (let start = 0; start < data.length; start += cipher.blockSize) {
    cipher.encryptBlock(register);
    xorInto(out, start, register);
    register.set(ciphertext.subarray(start, start + cipher.blockSize));
  }
  return { data: out, iv: register };
}

function chainEncrypt(cipher: BlockCipher, iv: Bytes, data: Bytes): CipherResult {
  const register = iv.slice();
  const out = new Uint8Array(data.length);
  for (let start = 0; start < data.length; start += cipher.blockSize) {
    xorInto(register, 0, data.subarray(start, start + cipher.blockSize));
    cipher.encryptBlock(register);
    out.set(register, start);
  }
  return { data: out, iv: register };
}

function chainDecrypt(cipher: BlockCipher, iv: Bytes, data: Bytes): CipherResult {
  const out = eachBlock(cipher, "decrypt", data);
  let previous: Bytes = iv;
  for (let start = 0; start < data.length; start += cipher.blockSize) {
    xorInto(out, start, previous);
    previous = data.subarray(start, start + cipher.blockSize);
  }
  return { data: out, iv: previous.slice() };
}

function eachBlock(cipher: BlockCipher, direction: Direction, data: Bytes): Bytes {
  const { blockSize } = cipher;
  const out = new Uint8Array(data.length);
  for (let start = 0; start < data.length; start += blockSize) {
    const block = data.slice(start, start + blockSize);
    if (direction === "encrypt") cipher.encryptBlock(block);
    else cipher.decryptBlock(block);
    out.set(block, start);
  }
  return out;
}

function xorInto(target: Bytes, start: number, source: Bytes): void {
  const size = Math.min(source.length, target.length - start);
  for (let i = 0; i < size; i++) target[start + i] = (target[start + i] as number) ^ (source[i] as number);
}

function increment(count: Bytes): void {
  for (let i = count.length - 1; i >= 0; i--) {
    const next = ((count[i] as number) + 1) & 0xff;
    count[i] = next;
    if (next !== 0) return;
  }
}

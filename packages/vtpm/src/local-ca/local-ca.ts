import { type KeyObject, randomInt } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Bytes } from "@vtpm/wire";
import { type Issuer, openIssuer } from "../certificate/issuer.ts";
import { pemOfCertificate } from "../certificate/pem.ts";
import { keyInMemory, openPemKey } from "../certificate/private-key.ts";
import { issueTpmCertificate, type TpmCertificate } from "../certificate/tpm-certificate.ts";
import { FileError, putFile, readIfThere, readInput, userName, why } from "../files.ts";
import { systemErrorCode } from "../host-error.ts";
import { type FileLock, lockFile } from "../native/flock.ts";
import { isTokenKey } from "../pkcs11/pkcs11-uri.ts";
import { openTokenKey } from "../pkcs11/token-key.ts";
import { createAuthority, createAuthorityKey } from "./authority.ts";
import { LocalCaError } from "./local-ca-error.ts";

/** Where a local CA is kept, and the passwords of its keys. */
export interface LocalCaPlace {
  readonly stateDirectory: string;
  /** A file, or the `pkcs11:` URI of a key in a token. */
  readonly signingKey: string;
  /** The password of the file, or the token's PIN. */
  readonly signingKeyPassword?: string | undefined;
  readonly issuerCertificate: string;
  readonly serial: string;
  /** Of the root's key, when it is made. */
  readonly rootPassword?: string | undefined;
  /** How long others may have the CA. */
  readonly lockPatienceMs?: number | undefined;
}

const KEY_MODE = 0o640;
const CERTIFICATE_MODE = 0o644;
/** Who shares a CA by a group has a umask that lets it. */
const SERIAL_MODE = 0o664;
const LOCK_MODE = 0o664;
const DIRECTORY_MODE = 0o770;
/** Of the file of the serial number: a number of 20 bytes has no more digits. */
const MAX_SERIAL_TEXT = 49;
const LOCK = ".lock.swtpm-localca";
/** Making two keys takes seconds on a slow machine; several may wait for it. */
const LOCK_PATIENCE_MS = 60_000;
const MAX_SERIAL = 2n ** 159n;
const ROOT = "swtpm-localca-rootca";
const SIGNER = "swtpm-localca";

/** The paths of the root's key and certificate: beside the signing key. */
export function rootPaths({ signingKey }: LocalCaPlace): { readonly key: string; readonly certificate: string } {
  const directory = dirname(signingKey);
  return { key: join(directory, `${ROOT}-privkey.pem`), certificate: join(directory, `${ROOT}-cert.pem`) };
}

/** A CA in a directory: a root, and below it the key that certifies TPMs. */
export class LocalCa {
  readonly place: LocalCaPlace;
  /** Whether it was made by this call. */
  readonly created: boolean;
  readonly #issuer: Issuer;

  private constructor(place: LocalCaPlace, created: boolean, issuer: Issuer) {
    this.place = place;
    this.created = created;
    this.#issuer = issuer;
  }

  /**
   * Opens it, or makes it: under a lock, so that of several who come together one makes it. What a kill leaves behind is
   * completed the next time; a key that exists is never replaced.
   */
  static async open(place: LocalCaPlace): Promise<LocalCa> {
    await makeDirectory(place.stateDirectory);
    const found = await load(place);
    if (found !== undefined) return new LocalCa(place, false, found);
    return locked(place, async () => {
      const meanwhile = await load(place);
      if (meanwhile !== undefined) return new LocalCa(place, false, meanwhile);
      for (const path of [place.signingKey, place.issuerCertificate]) await makeDirectory(dirname(path));
      await create(place);
      const made = await load(place);
      if (made === undefined) throw new LocalCaError("CA_INCOMPLETE", `${place.issuerCertificate} has vanished`);
      return new LocalCa(place, true, made);
    });
  }

  /** Issues a certificate with the next serial number. */
  async issue(request: Omit<TpmCertificate, "serial">): Promise<Bytes> {
    await makeDirectory(dirname(this.place.serial));
    const serial = await locked(this.place, () => nextSerial(this.place.serial));
    return issueTpmCertificate({ ...request, serial }, this.#issuer);
  }
}

/** The issuer if key and certificate are there. */
async function load(place: LocalCaPlace): Promise<Issuer | undefined> {
  const { signingKey: keyPath, signingKeyPassword, issuerCertificate } = place;
  if (isTokenKey(keyPath)) {
    const certificate = await readInput(issuerCertificate, "the CA's certificate");
    return openIssuer(issuerCertificate, certificate, openTokenKey(keyPath, signingKeyPassword));
  }
  const [key, certificate] = [
    await readIfThere(keyPath, "the CA's signing key"),
    await readIfThere(issuerCertificate, "the CA's certificate"),
  ];
  if (certificate === undefined) return undefined;
  if (key === undefined) {
    throw new LocalCaError(
      "CA_INCOMPLETE",
      `the CA's certificate ${issuerCertificate} is there, but not its signing key ${keyPath}: bring the key back, or remove the certificate to have a new CA made`,
    );
  }
  const privateKey = keyInMemory(keyPath, openPemKey(keyPath, key, signingKeyPassword));
  return openIssuer(issuerCertificate, certificate, privateKey);
}

/** Makes what is missing, the issuer's certificate last: the CA is there when that is. */
async function create(place: LocalCaPlace): Promise<void> {
  const root = rootPaths(place);
  const [rootKey, key] = await Promise.all([
    authorityKey(root.key, "the root CA's key", place.rootPassword),
    authorityKey(place.signingKey, "the CA's signing key", place.signingKeyPassword),
  ]);
  const kept = rootKey.created ? undefined : await readIfThere(root.certificate, "the root CA's certificate");
  if (kept === undefined) {
    const certificate = createAuthority(ROOT, rootKey.key, undefined);
    await putFile(root.certificate, "the root CA's certificate", pemOfCertificate(certificate), CERTIFICATE_MODE);
  }
  const rootCertificate = await readInput(root.certificate, "the root CA's certificate");
  const certificate = createAuthority(
    SIGNER,
    key.key,
    openIssuer(root.certificate, rootCertificate, keyInMemory(root.key, rootKey.key)),
  );
  await putFile(place.issuerCertificate, "the CA's certificate", pemOfCertificate(certificate), CERTIFICATE_MODE);
}

async function authorityKey(
  path: string,
  what: string,
  password: string | undefined,
): Promise<{ readonly key: KeyObject; readonly created: boolean }> {
  const pem = await readIfThere(path, what);
  if (pem !== undefined) return { key: openPemKey(path, pem, password), created: false };
  const key = await createAuthorityKey();
  const encryption = password === undefined ? {} : { cipher: "aes-256-cbc", passphrase: password };
  const text = key.export({ type: "pkcs8", format: "pem", ...encryption });
  await putFile(path, what, text, KEY_MODE);
  return { key, created: true };
}

/**
 * Counts in the file of decimal digits; what is no number of its size becomes a random one. The file is written where it is: it
 * may be a link, and of somebody else who shares the CA. What a crash can leave of it is counted anew, from a random number.
 */
async function nextSerial(path: string): Promise<Bytes> {
  try {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, SERIAL_MODE);
    try {
      const next = await countIn(file);
      const hex = next.toString(16);
      return new Uint8Array(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new FileError("FILE_WRITE", `cannot write the CA's serial number ${path}: ${why(error, path)}`, {
      cause: error,
    });
  }
}

async function countIn(file: FileHandle): Promise<bigint> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_SERIAL_TEXT + 1), 0, MAX_SERIAL_TEXT + 1, 0);
  const text = buffer.toString("latin1", 0, bytesRead);
  const [, digits] = /^\s*\+?(\d+)/.exec(text) ?? [];
  const counts = bytesRead <= MAX_SERIAL_TEXT && digits !== undefined && BigInt(digits) + 1n < MAX_SERIAL;
  const next = counts ? BigInt(digits) + 1n : randomDigits();
  const { bytesWritten } = await file.write(String(next), 0, "latin1");
  await file.truncate(bytesWritten);
  await file.sync();
  return next;
}

const randomDigits = (): bigint =>
  BigInt(`${randomInt(1, 10)}${Array.from({ length: 19 }, () => randomInt(10)).join("")}`);

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  } catch (error) {
    throw new LocalCaError("CA_DIRECTORY", `cannot use ${path} as directory of the CA: ${why(error, path)}`, {
      cause: error,
    });
  }
}

async function locked<T>(
  { stateDirectory, lockPatienceMs: patienceMs = LOCK_PATIENCE_MS }: LocalCaPlace,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(stateDirectory, LOCK);
  let lock: FileLock | undefined;
  try {
    lock = await lockFile(path, LOCK_MODE, patienceMs);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    throw new LocalCaError("CA_DIRECTORY", `cannot lock the CA with ${path}: ${why(error, path)}`, { cause: error });
  }
  if (lock === undefined) {
    throw new LocalCaError(
      "CA_LOCKED",
      `the CA in ${stateDirectory} has been locked by another process for ${patienceMs / 1000} seconds (${path}): end that process; user ${userName()} waits no longer`,
    );
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

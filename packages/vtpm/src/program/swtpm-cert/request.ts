import type { Bytes } from "@vtpm/wire";
import { nameOfAttributes, parseDistinguishedName } from "../../certificate/distinguished-name.ts";
import { MAX_SERIAL_SIZE, NEVER, randomSerial } from "../../certificate/issue-certificate.ts";
import {
  type CertifiedKey,
  eccKey,
  isCurveName,
  isLatticeKeyName,
  latticeKey,
  pemKey,
  rsaKey,
} from "../../certificate/public-key.ts";
import type { CertificateKind, TpmCertificate } from "../../certificate/tpm-certificate.ts";
import { readInput } from "../../files.ts";
import { UsageError } from "../usage-error.ts";
import type { CertOptions } from "./options.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** What the options ask to be certified. */
export async function requestOf(options: CertOptions): Promise<Omit<TpmCertificate, "serial">> {
  const subject = options.text("subject");
  const days = options.integer("days", options.text("days") ?? "365", { min: -1, max: 0x7fff_ffff });
  const notBefore = new Date();
  const notAfter = days < 0 ? NEVER : new Date(notBefore.getTime() + days * DAY_MS);
  if (!(notAfter <= NEVER)) throw new UsageError(`--days ${days} ends after the year 9999: -1 is without end`);
  return {
    kind: kindOf(options),
    family: options.has("tpm2") ? "2.0" : "1.2",
    subject: subject === undefined ? nameOfAttributes([]) : parseDistinguishedName(subject),
    notBefore,
    notAfter,
    key: await keyOf(options),
    allowSigning: options.has("allow-signing"),
    decryption: options.has("decryption"),
  };
}

function kindOf(options: CertOptions): CertificateKind {
  const type = (options.text("type") ?? "ek").toLowerCase();
  const needed = `a certificate of type ${type}`;
  const tpm = () => ({
    manufacturer: options.required("tpm-manufacturer", needed),
    model: options.required("tpm-model", needed),
    version: options.required("tpm-version", needed),
  });
  switch (type) {
    case "ek": {
      const family = options.required("tpm-spec-family", needed);
      const level = options.integer("tpm-spec-level", options.required("tpm-spec-level", needed));
      const revision = options.integer("tpm-spec-revision", options.required("tpm-spec-revision", needed));
      return { type, tpm: tpm(), specification: { family, level, revision } };
    }
    case "platform":
      return {
        type,
        tpm: tpm(),
        platform: {
          manufacturer: options.required("platform-manufacturer", needed),
          model: options.required("platform-model", needed),
          version: options.required("platform-version", needed),
        },
      };
    case "ak":
      return { type, tpm: tpm() };
    case "iak":
    case "idevid":
      return { type, serialNumber: options.required("tpm-serial-num", needed) };
    default:
      throw new UsageError(`--type takes ek, platform, iak, idevid or ak, not ${JSON.stringify(type)}`);
  }
}

/** The key to be certified: exactly one way to give it. */
async function keyOf(options: CertOptions): Promise<CertifiedKey> {
  const ways = (["pubkey", "modulus", "ecc-x", "public"] as const).filter((name) => options.has(name));
  if (ways.length > 1) throw new UsageError(`${ways.map((name) => `--${name}`).join(" and ")} exclude each other`);
  switch (ways[0]) {
    case "pubkey": {
      const path = options.required("pubkey", "a certificate");
      return pemKey(path, (await readInput(path, "the public key")).toString("latin1"));
    }
    case "modulus": {
      const modulus = options.hex("modulus");
      const exponent = options.integer("exponent", options.text("exponent") ?? "65537", { min: 1 });
      return rsaKey(modulus ?? new Uint8Array(0), exponent);
    }
    case "ecc-x": {
      options.required("ecc-y", "--ecc-x");
      const curve = options.text("ecc-curveid") ?? "secp256r1";
      if (!isCurveName(curve)) {
        throw new UsageError(`--ecc-curveid takes secp256r1, secp384r1 or secp521r1, not ${JSON.stringify(curve)}`);
      }
      return eccKey(options.hex("ecc-x") ?? new Uint8Array(0), options.hex("ecc-y") ?? new Uint8Array(0), curve);
    }
    case "public": {
      const algorithm = options.required("keyalgo", "--public").toLowerCase();
      if (!isLatticeKeyName(algorithm)) {
        throw new UsageError(
          `--keyalgo takes ml-kem-512 to 1024 and ml-dsa-44 to 87, not ${JSON.stringify(algorithm)}`,
        );
      }
      return latticeKey(algorithm, options.hex("public") ?? new Uint8Array(0));
    }
    default:
      throw new UsageError("a certificate needs a key: --pubkey, --modulus, --ecc-x and --ecc-y, or --public");
  }
}

/** A decimal number of any size that fits; a random one if none is given. */
export function serialOf(options: CertOptions): Bytes {
  const text = options.text("serial");
  if (text === undefined) return randomSerial();
  const [, digits] = /^\s*\+?(\d+)\s*$/.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`--serial takes a decimal number, not ${JSON.stringify(text)}`);
  const hex = BigInt(digits).toString(16);
  const bytes = new Uint8Array(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"));
  if (bytes.length > MAX_SERIAL_SIZE)
    throw new UsageError(`--serial takes a number of at most ${MAX_SERIAL_SIZE} bytes`);
  return bytes;
}

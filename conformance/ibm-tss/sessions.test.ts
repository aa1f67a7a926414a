import { primary, type Sequence, sequences } from "./ibm-tss.ts";

const starts = [
  ["plain", "tssstartauthsession -se h"],
  ["salted by an ECC key", "tssstartauthsession -se h -hs 80000000"],
  ["bound to a key", "tssstartauthsession -se h -bi 80000000 -pwdb primarypass"],
  ["salted and bound", "tssstartauthsession -se h -hs 80000000 -bi 80000000 -pwdb primarypass"],
] as const;

const combinations = starts.flatMap(([name, start]) =>
  ["xor", "aes"].flatMap((symmetric) =>
    ["sha1", "sha256", "sha384"].map(
      (hash) => [name, `${start} -sym ${symmetric} -halg ${hash}`, symmetric, hash] as const,
    ),
  ),
);

sequences("sessions", [
  ...combinations.map(
    ([name, start, symmetric, hash]): Sequence => [
      `an HMAC session, ${name}, with ${hash}, encrypts both ways with ${symmetric}`,
      `${primary} -pwdk primarypass`,
      start,
      "tsscreate -hp 80000000 -pwdp primarypass -bl -if secret -kt f -kt p -pwdk sealpass -opu seal.pub -opr seal.priv -se0 02000000 61",
      "tssload -hp 80000000 -pwdp primarypass -ipu seal.pub -ipr seal.priv -se0 02000000 61",
      "tssunseal -ha 80000001 -pwd sealpass -of unsealed -se0 02000000 41",
      "cmp unsealed secret",
      ["tssunseal -ha 80000001 -pwd wrong -of unsealed -se0 02000000 41", 0x9a2],
      "tssflushcontext -ha 02000000",
    ],
  ),
  [
    "an RSA key salts a session",
    "tsscreateprimary -hi o -rsa -st",
    "tssstartauthsession -se h -hs 80000000 -sym aes",
    "tsscreate -hp 80000000 -ecc nistp256 -si -kt f -kt p -opu key.pub -opr key.priv -se0 02000000 61",
  ],
  [
    "three sessions: one authorizes, one decrypts, one encrypts",
    primary,
    "tssstartauthsession -se h",
    "tssstartauthsession -se h -hs 80000000 -sym aes",
    "tssstartauthsession -se h -hs 80000000 -sym xor",
    "tsscreate -hp 80000000 -bl -if secret -kt f -kt p -pwdk sealpass -opu seal.pub -opr seal.priv -se0 02000000 1 -se1 02000001 21 -se2 02000002 41",
    "tssload -hp 80000000 -ipu seal.pub -ipr seal.priv",
    "tssunseal -ha 80000001 -pwd sealpass -of unsealed",
    "cmp unsealed secret",
  ],
  [
    "a session that does not continue is gone",
    primary,
    "tssstartauthsession -se h",
    "tsscreate -hp 80000000 -ecc nistp256 -si -kt f -kt p -opu key.pub -opr key.priv -se0 02000000 0",
    ["tssflushcontext -ha 02000000", 0x1cb],
  ],
  [
    "an audit session's digest is the library's too",
    "tsscreateprimary -hi e -rsa -sir",
    "tssstartauthsession -se h",
    "tssgetcapability -cap 6 -pr 100 -se0 02000000 81",
    "tssreadpublic -ho 80000000 -se0 02000000 81",
    "tssgetsessionauditdigest -hk 80000000 -hs 02000000 -os signature -oa attestation -od digest",
  ],
  [
    "a session's context is saved and loaded",
    "tssstartauthsession -se h",
    "tsscontextsave -ha 02000000 -of session.ctx",
    "tsscontextload -if session.ctx",
    "tsscreateprimary -hi o -ecc nistp256 -st -se0 02000000 1",
    ["tsscontextload -if session.ctx", 0x1cb],
  ],
  [
    "no more than three sessions are loaded",
    "tssstartauthsession -se h",
    "tssstartauthsession -se h",
    "tssstartauthsession -se h",
    ["tssstartauthsession -se h", 0x903],
  ],
]);

import { primary, type Sequence, sequences } from "./ibm-tss.ts";

const algorithms = [
  ["rsa", "-rsa"],
  ["ecc", "-ecc nistp256"],
] as const;

sequences("attestation", [
  ...algorithms.flatMap(([algorithm, kind]): Sequence[] => {
    const key = `tsscreateprimary -hi e ${kind} -sir -pwdk pass -opu ak.pub`;
    const sign = `-hk 80000000 -pwdk pass -halg sha256 -salg ${algorithm} -qd message -os signature -oa attestation`;
    return [
      [`an ${algorithm} key quotes`, key, `tssquote -hp 16 -hp 0 ${sign}`, `tssquote -hp 16 -palg sha1 ${sign}`],
      [
        `an ${algorithm} key certifies itself and another`,
        key,
        `tsscertify -ho 80000000 -pwdo pass ${sign}`,
        primary,
        `tsscertify -ho 80000001 ${sign}`,
      ],
      [`an ${algorithm} key attests the time`, key, `tssgettime ${sign}`],
      [`an ${algorithm} key attests the command audit`, key, `tssgetcommandauditdigest ${sign}`],
    ];
  }),
  [
    "a credential is made and activated",
    "tsscreateprimary -hi e -ecc nistp256 -st",
    "tsscreate -hp 80000000 -ecc nistp256 -sir -kt f -kt p -pwdk akpass -opu ak.pub -opr ak.priv",
    "tssload -hp 80000000 -ipu ak.pub -ipr ak.priv",
    "tssmakecredential -ha 80000000 -icred secret -in h80000001.bin -ocred credential -os encrypted",
    "tssactivatecredential -ha 80000001 -hk 80000000 -icred credential -is encrypted -pwda akpass -ocred opened",
    "cmp opened secret",
    "tssmakecredential -ha 80000000 -icred secret -in h80000000.bin -ocred credential -os encrypted",
    ["tssactivatecredential -ha 80000001 -hk 80000000 -icred credential -is encrypted -pwda akpass", 0x1df],
  ],
]);

export const STATE_HELP = `vtpm state - look at stored state, check, compare and convert it

Usage:
  vtpm state inspect STATE [options]      what is in it, as a tree of named parts
  vtpm state verify  STATE [options]      whether all of it can be read, and is what would be written again
  vtpm state diff    STATE STATE          in what two states differ, volatile ones too; exit status 3 if they do
  vtpm state convert STATE TARGET         the same TPM in another place, encryption or profile

STATE is a state directory of vtpm or swtpm, a linear file or block device (PATH or file://PATH), or a file alone: a permanent or
volatile state, or a blob that swtpm_ioctl --save has written. It is never changed, and refused while a TPM uses it. What a
journal says is part of it.
TARGET is a directory, made if it does not exist, or file://PATH; it must not have a state.

  --key SPEC             what STATE is encrypted with, as swtpm has it: file=F[,format=hex|binary] or
                         pwdfile=F[,kdf=pbkdf2|sha512], then [,mode=aes-128-cbc|aes-256-cbc] (fd= and pwdfd= take descriptors)
  --migration-key SPEC   what a blob is encrypted with
  --other-key SPEC       diff: what the second STATE is encrypted with, if it is another key
  --show-secrets         inspect, diff: seeds, proofs, authorization values, private keys and the data of NV Indices, too
  --all                  inspect: sizes, versions and constants of the format, too, and where each part begins
  --new-key SPEC         convert: what TARGET is encrypted with, if not with the same key
  --decrypt              convert: TARGET is not encrypted
  --profile WHAT         convert: the profile that TARGET has: null (readable by libtpms 0.9), default-v1, default-v2, or JSON;
                         refused if the TPM has something that the profile cannot have
  --without-volatile     convert: leave out the state of a running TPM
  --ignore-journal       leave out what the journal of a linear file says, also where it does not fit the state
  --json                 print JSON
  --help                 this text

Examples:
  vtpm state inspect /var/lib/libvirt/swtpm/ID/tpm2
  vtpm state convert --key pwdfile=old,mode=aes-256-cbc --decrypt ./encrypted ./plain
  vtpm state convert --profile null ./state file://$PWD/tpm.linear
`;

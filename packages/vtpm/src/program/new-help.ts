export const NEW_HELP = `vtpm new - make a TPM with keys and certificates

Usage: vtpm new [options]

Where it goes:
  --state DIR        directory of its state, made if it does not exist, or file://FILE
                     (default $XDG_DATA_HOME/vtpm or ~/.local/share/vtpm)
  --overwrite        replace the TPM that is there

What it has:
  --preset NAME      a layout that people meet (default qemu):
                       qemu    what swtpm_setup makes for virtual machines: RSA-2048 and P-384 endorsement keys with
                               certificates, a platform certificate; PCR bank SHA-256
                       azure   the places of Azure's virtual machines: RSA-2048 endorsement key with certificate, storage
                               root key 0x81000001, attestation key 0x81000003 with its certificate at 0x01c101d0
                       gcp     the places of Google Compute Engine: RSA-2048 and P-256 endorsement keys with certificates,
                               templates and certificates of attestation keys at 0x01c10000 to 0x01c10003
                       bare    nothing: no keys, no certificates
  --profile WHAT     what it can do: default-v1 (default), default-v2, null (as libtpms 0.9), latest, or libtpms' JSON
  --pcr-banks A,B    PCR banks that are active, in place of the preset's
  --name NAME        whose TPM it is: the subject of its certificates

Who certifies it:
  --ca DIR           directory of a CA, made if it does not exist ($XDG_DATA_HOME/vtpm-ca or ~/.local/share/vtpm-ca)

What it prints:
  --json             one line of JSON when it is done, instead of steps
  --help             this text

"vtpm cert export" gets the certificates out again.
`;

export const CERT_HELP = `vtpm cert export - get the certificates of a TPM out of its state

Usage: vtpm cert export [options]

  --state DIR        directory of the state, or file://FILE (default $XDG_DATA_HOME/vtpm or ~/.local/share/vtpm).
                     Nothing of it changes; the TPM must not be in use
  --out DIR          where they go, one file each (default: the current directory)
  --ca DIR           where the CA is whose certificates make the chain ($XDG_DATA_HOME/vtpm-ca or ~/.local/share/vtpm-ca)
  --der              DER instead of PEM
  --json             what was written on one line of JSON, instead of text
  --help             this text
`;

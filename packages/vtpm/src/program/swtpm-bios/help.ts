export const BIOS_HELP = `swtpm_bios - start up a software TPM as a machine's firmware does

Usage: swtpm_bios [options]          (options may have one dash or two)

Where the TPM is:
  --tcp [HOST]:[PORT]     a TCP socket (default 127.0.0.1:6545)
  --unix PATH             a Unix socket
  --tpm-device DEVICE     a device; default $TPM_DEVICE or /dev/tpm0
                          TCSD_USE_TCP_DEVICE set: TCP, at TCSD_TCP_DEVICE_HOSTNAME (localhost) and
                          TCSD_TCP_DEVICE_PORT (6545)

What is done:
  --tpm2                  it is a TPM 2.0; otherwise a TPM 1.2
  -c                      TPM_Startup(CLEAR) (default)
  -s                      TPM_Startup(STATE)
  -d                      TPM_Startup(DEACTIVATED) and nothing else; a TPM 2.0 is not started at all
  -n                      no TPM_Startup
  -o                      TPM 1.2: only the start-up, no physical presence, enabling and activating
  -cs                     let it test itself: TPM_ContinueSelfTest, TPM2_IncrementalSelfTest
  -ea                     TPM 1.2: make sure that it is active; exit status 129 if it must be reset for that
  -u                      give up physical presence; TPM 2.0: a random password for the platform hierarchy
  -v                      print the version
  -h                      this text

Exit status: 128 a command was refused, 129 the TPM must be reset, 255 the TPM cannot be reached, 1 usage.
`;

export const IOCTL_HELP = `swtpm_ioctl - send a control command to a software TPM

Usage: swtpm_ioctl [ADDRESS] COMMAND          (options may have one dash or two)

Where the control channel is:
  --tcp [HOST]:[PORT]     a TCP socket (default 127.0.0.1:6546)
  --unix PATH             a Unix socket
  --tpm-device DEVICE     a CUSE device; also as a word of its own
                          SWTPM_IOCTL_BUFFERSIZE=N: state blobs by read and write, N bytes at a time

Exactly one command:
  -c                      print what the TPM's control channel can do
  -i                      initialize the TPM; volatile state, if there is some, is resumed and then deleted
  --stop                  stop the TPM, not its process
  -s                      shut down: stop the TPM and end its process
  -e                      print the tpmEstablished bit
  -r LOCALITY             reset the tpmEstablished bit from a locality (0 to 4)
  -l LOCALITY             set the locality (0 to 4)
  -v                      store the volatile state
  -C                      cancel the command that runs
  -h DATA                 measure DATA as a processor does at a measured start; "-" is standard input
  --save TYPE FILE        write a state blob to a file; TYPE is permanent, volatile or savestate
  --load TYPE FILE        give a state blob to a stopped TPM
  -g                      print which keys are in use
  -b SIZE                 set the size of the command buffer (0: only ask), print it and its bounds
  --info FLAGS            print information on the TPM as JSON
  --lock-storage RETRIES  take the lock of the state
  --version               print the version
  --help                  this text
`;

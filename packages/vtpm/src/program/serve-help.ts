export const SERVE_HELP = `vtpm serve - run a TPM and serve it on sockets and as a device

Usage: vtpm serve [options]

Where clients find it (any combination; --port 2321 if none is given; N may be 0 for a free pair of ports):
  --port N           swtpm's protocol: commands on TCP port N, control channel on N+1
  --mssim N          the TCG simulator's protocol: commands on TCP port N, platform signals on N+1
  --socket PATH      swtpm's protocol on Unix sockets: commands on PATH, control channel on PATH.ctrl
  --vtpm-proxy       the running Linux kernel gets a /dev/tpmN and /dev/tpmrmN (root, module tpm_vtpm_proxy, package koffi)
  --cuse NAME        a character device /dev/NAME, controlled by swtpm's ioctls (root, module cuse, package koffi)
  --host ADDR        address for --port and --mssim (default 127.0.0.1). Whoever reaches the ports owns the TPM:
                     there is no password

Where its state is:
  --state WHERE      directory of the state, made if it does not exist; file://PATH: one file, or a block device, with
                     the layout that swtpm has for these
                     (default $XDG_DATA_HOME/vtpm or ~/.local/share/vtpm). Given several times with --vtpm-proxy and
                     nothing else: as many TPMs, each a device of its own, and a line of --json for each
  --ephemeral        no directory: a new TPM that is forgotten at the end

What it is:
  --profile WHAT     what a new TPM can do: default-v1 (default), default-v2, null (as libtpms 0.9), latest, or libtpms'
                     JSON such as {"Name":"custom:mine","Algorithms":"..."}. A TPM keeps its profile for life

How it starts:
  --startup HOW      what is sent to the TPM once it has power:
                       clear   TPM2_Startup(CLEAR), so that tools work at once (default)
                       state   TPM2_Startup(STATE), to resume after an orderly end; clear if there is nothing to resume
                       none    nothing: clients send TPM2_Startup, as a machine's firmware does
                     A client's own TPM2_Startup(CLEAR) after that is answered with TPM_RC_INITIALIZE, which clients
                     that send one accept. After a power signal or INIT on a control channel it is up to the client.

What it prints:
  --json             one line of JSON on standard output when it is ready, instead of text
  --verbose          what happens, on standard error
  --help             this text

SIGTERM or SIGINT ends it in an orderly way. A response is sent only when all that it depends on is on the disk: the
TPM survives any other end, too.
`;

export const XEN_HELP = `vtpm xen - give Xen domains their TPMs

Usage: vtpm xen [options]

Runs in the domain that a domain's configuration names as back end, usually Domain-0, as root, and must be running when
domains with a vtpm are created:
  vtpm = [ "backend=Domain-0,uuid=6d1c9c5e-4a0f-4c1d-8f0e-2f5d7f0c8a11" ]
Each domain's TPM is known by that UUID: the same one in the domain's next life has the same keys.

  --state DIR        directory of the TPMs, one directory each by UUID (default /var/lib/vtpm/xen)
  --profile WHAT     what new TPMs can do: default-v1 (default), default-v2, null, latest, or libtpms' JSON
  --startup HOW      what is sent to a TPM when its domain's device appears, since no firmware does: clear (default);
                     state (a domain that has not closed its device itself, as one that was saved, finds its PCRs again;
                     otherwise as clear); none
  --xenstore PATH    xenstored's socket (default /run/xenstored/socket)
  --json             one line of JSON on standard output when devices are watched for, instead of text
  --verbose          what happens, on standard error
  --help             this text

SIGTERM or SIGINT ends it in an orderly way and leaves the devices connected: started again, it takes them up again.
`;

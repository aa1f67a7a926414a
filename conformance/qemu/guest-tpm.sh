# Sourced by the scripts of guests that have a TPM. It fails with the first program that does.
set -e
cd /tmp
export TPM2TOOLS_TCTI=device:/dev/tpmrm0

# report NAME: what is read becomes a file of the host's.
report() { cat > "$RIG_DIR/$1"; }

# What firmware and kernel have told the TPM, and what they say of it.
report_measurements() {
  mount -t securityfs securityfs /sys/kernel/security
  cat /sys/kernel/security/tpm0/binary_bios_measurements | report "$1.log"
  for bank in /sys/class/tpm/tpm0/pcr-*; do
    for pcr in 0 1 2 3 4 5 6 7 8 9 10 16; do echo "${bank##*-} $pcr $(cat $bank/$pcr)"; done
  done | report "$1.pcrs"
  basename $(readlink /sys/class/tpm/tpm0/device/driver) | report "$1.driver"
  cat /sys/class/tpm/tpm0/tpm_version_major | report "$1.version"
}

pcr16() { cat /sys/class/tpm/tpm0/pcr-sha256/16; }
lockout_counter() { tpm2_getcap properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: 0x//p'; }

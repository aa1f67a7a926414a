. "$LIB/checks.sh"
device=/dev/vtpm-test
ioctl="swtpm_ioctl --tpm-device $device"
export TPM2TOOLS_TCTI=device:$device
# says TEXT COMMAND...: the command succeeds and its output contains the text
says() { text=$1; shift; "$@" > said 2>&1 && cat said && grep -q "$text" said; }
fails() { ! "$@"; }

mkdir state
$SWTPM cuse --name vtpm-test --tpm2 --tpmstate dir=/tmp/checks/state --pid file=/tmp/checks/pid --log file=/tmp/checks/swtpm.log
check "swtpm cuse returns when the device is there" test -c $device
server=$(cat pid)
check "its device is root's alone" test "$(stat -c '%a %U' $device)" = "600 root"

check "capabilities" says "ptm capability is 0x0*16fff" $ioctl -c
check "a command without power is answered" fails tpm2_getrandom 4
check "power" $ioctl -i
check "the TPM is started" tpm2_startup -c
check "the configuration" $ioctl -g
check "information" says '"family":"2.0"' $ioctl --info 1
check "the size of the buffer" says 4096 $ioctl -b 0
check "a locality" $ioctl -l 3
check "a locality that there is not" fails $ioctl -l 5
check "locality 0" $ioctl -l 0
check "the established bit is clear" says "tpmEstablished is 0" $ioctl -e
check "a measurement" $ioctl -h abcdef
head -c 20000 /dev/zero > measured
check "a large measurement" sh -c "$ioctl -h - < measured"
check "the established bit is set" says "tpmEstablished is 1" $ioctl -e
check "it is reset" $ioctl -r 3
check "it is clear again" says "tpmEstablished is 0" $ioctl -e
check "cancel without a command" $ioctl -C
check "volatile state is stored" $ioctl -v

check "random numbers" tpm2_getrandom --hex 32
check "a PCR is extended" tpm2_pcrextend "16:sha256=$(printf 5a%.0s $(seq 32))"
tpm2_pcrread sha256:16 > pcr.before
check "a primary key" tpm2_createprimary -C o -G ecc -c primary.ctx
check "a key" tpm2_create -C primary.ctx -G ecc -u key.pub -r key.priv
check "objects are flushed" tpm2_flushcontext -t
for index in 0x1800001 0x1800002 0x1800003 0x1800004; do
  check "Index $index" tpm2_nvdefine $index -C o -s 2000
done

check "permanent state is saved" $ioctl --save permanent permanent.blob
check "it took several ioctls" test "$(stat -c %s permanent.blob)" -gt 6144
check "volatile state is saved" $ioctl --save volatile volatile.blob
check "the PCR is extended further" tpm2_pcrextend "16:sha256=$(printf 5b%.0s $(seq 32))"
check "an Index goes" tpm2_nvundefine 0x1800004 -C o
check "the power is off" $ioctl --stop
check "permanent state is loaded" $ioctl --load permanent permanent.blob
check "volatile state is loaded" $ioctl --load volatile volatile.blob
check "power again" $ioctl -i
tpm2_pcrread sha256:16 > pcr.after
check "the PCR is what it was" cmp pcr.before pcr.after
check "the Index is back" tpm2_nvreadpublic 0x1800004

check "our swtpm_ioctl moves state by read and write" env SWTPM_IOCTL_BUFFERSIZE=100 $SWTPM_IOCTL --tpm-device $device --save permanent permanent.read
check "and back" sh -c "$ioctl --stop && SWTPM_IOCTL_BUFFERSIZE=100 $SWTPM_IOCTL --tpm-device $device --load permanent permanent.read && $ioctl -i && tpm2_startup -c"

/usr/bin/python3 "$LIB/cuse-client.py" $device > client.log 2>&1
for what in exclusive nonblocking partial poll interrupted busy cancel unknown; do
  check "a client's $what use" grep -q "^$what as it should be$" client.log
done
grep -v "as it should be" client.log
timeout -s KILL 0.5 tpm2_createprimary -C n -G rsa2048 -c killed.ctx > /dev/null 2>&1
check "a client that is killed leaves the device to others" wait_for tpm2_getrandom --hex 8

$SWTPM cuse --name vtpm-test --tpm2 --tpmstate dir=/tmp/checks/other 2> twice.log
check "a name that is in use is refused" test $? = 255
$SWTPM cuse --nmae vtpm-test 2> unknown.log
check "an option that there is not is refused" test $? = 1
check "the device with that name is unharmed" tpm2_getrandom --hex 8
mkdir nobody; chown nobody nobody
check "a device whose server becomes somebody else" $SWTPM cuse --name vtpm-nobody --tpm2 --tpmstate dir=/tmp/checks/nobody --pid file=/tmp/checks/nobody.pid --runas nobody
check "the device was made before that" test "$(stat -c '%a %U' /dev/vtpm-nobody)" = "600 root"
check "it is the other one's" grep -q "^Uid:	65534	65534	65534	65534" "/proc/$(cat nobody.pid)/status"
check "it serves" sh -c "swtpm_ioctl --tpm-device /dev/vtpm-nobody -i && tpm2_startup -T device:/dev/vtpm-nobody -c && tpm2_createprimary -T device:/dev/vtpm-nobody -G rsa2048 -c nobody.ctx"
check "its state, too, is the other one's" test "$(stat -c %U nobody/tpm2-00.permall)" = nobody
check "it ends" swtpm_ioctl --tpm-device /dev/vtpm-nobody -s
check "another device" serve other.log --cuse vtpm-other --ephemeral
check "it has a TPM of its own" says "" tpm2_getrandom -T device:/dev/vtpm-other --hex 8
check "killed, it is gone" stop KILL
check "so is its device" wait_for absent /dev/vtpm-other

server=$(cat pid)
check "SHUTDOWN ends the process" $ioctl -s
check "it has ended" wait_for gone "$server"
check "the device is gone" wait_for absent $device
check "the state stays" test -s state/tpm2-00.permall

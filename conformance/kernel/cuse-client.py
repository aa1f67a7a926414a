"""Uses a TPM device in the ways that tpm2-tools do not; runs in a guest. Prints a line for each."""
import errno
import fcntl
import os
import select
import signal
import struct
import sys

PTM_CANCEL_TPM_CMD = 0x80045008
PATH = sys.argv[1]
FD = os.open(PATH, os.O_RDWR)
GET_RANDOM = bytes.fromhex("8001 0000000c 0000017b 0008")
TPM_RC_CANCELED = 0x909


def create_rsa(unique):
    """CreatePrimary of an RSA key that no key before was like, so that it takes long."""
    area = bytes.fromhex("0001 000b 00030072 0000 0006 0080 0043 0010 0800 00000000 0004") + struct.pack(">I", unique)
    body = bytes.fromhex("40000007 00000009 40000009 0000 00 0000 0004 0000 0000")
    body += struct.pack(">H", len(area)) + area + bytes.fromhex("0000 00000000")
    return struct.pack(">HII", 0x8002, 10 + len(body), 0x131) + body


def flush(response):
    """Flushes the object of a response, if there is one; returns the response code."""
    code = struct.unpack(">I", response[6:10])[0]
    if code == 0:
        os.write(FD, bytes.fromhex("8001 0000000e 00000165") + response[10:14])
        os.read(FD, 4096)
    return code


def error_of(action):
    try:
        action()
        return "no error"
    except OSError as error:
        return errno.errorcode[error.errno]


def expect(what, given, wanted):
    print(f"{what} as it should be" if given == wanted else f"{what}: {given} and not {wanted}", flush=True)


class Interrupted(Exception):
    pass


def interrupt(*_):
    raise Interrupted


def interrupted():
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        os.read(FD, 4096)
        return "not interrupted"
    except Interrupted:
        return flush(os.read(FD, 4096))


expect("exclusive", error_of(lambda: os.open(PATH, os.O_RDWR)), "EBUSY")

os.write(FD, GET_RANDOM)
expect("partial", [len(os.read(FD, 10)), len(os.read(FD, 4096)), len(os.read(FD, 4096))], [10, 10, 0])

os.write(FD, create_rsa(1))
fcntl.fcntl(FD, fcntl.F_SETFL, os.O_NONBLOCK)
expect("nonblocking", error_of(lambda: os.read(FD, 4096)), "EAGAIN")
poll = select.poll()
poll.register(FD, select.POLLOUT)
writable = poll.poll(0)
poll.modify(FD, select.POLLIN)
readable = poll.poll(60_000)
fcntl.fcntl(FD, fcntl.F_SETFL, 0)
expect("poll", [writable, readable, flush(os.read(FD, 4096))], [[(FD, select.POLLOUT)], [(FD, select.POLLIN)], 0])

os.write(FD, create_rsa(2))
expect("interrupted", interrupted(), 0)

os.write(FD, create_rsa(3))
expect("busy", [error_of(lambda: os.write(FD, GET_RANDOM)), flush(os.read(FD, 4096))], ["EBUSY", 0])

os.write(FD, create_rsa(4))
result = struct.unpack("I", fcntl.ioctl(FD, PTM_CANCEL_TPM_CMD, bytes(4)))[0]
expect("cancel", [result, flush(os.read(FD, 4096))], [0, TPM_RC_CANCELED])

expect("unknown", error_of(lambda: fcntl.ioctl(FD, 0x800450FF, bytes(4))), "EINVAL")

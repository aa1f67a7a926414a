"""Asks a TPM for random numbers again and again: `measure.py PATH`, a device or a Unix socket. Prints the median in microseconds.

Uses what is part of the interpreter itself, so that it runs in a domain with little else."""
import _socket
import posix
import sys
import time

WARM_UP = COUNT = 100
COMMAND = bytes.fromhex("8001 0000000c 0000017b 0010")

path = sys.argv[1]
if path.startswith("/dev/"):
    fd = posix.open(path, posix.O_RDWR)
else:
    client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    client.connect(path)
    fd = client.fileno()

times = []
for n in range(WARM_UP + COUNT):
    start = time.perf_counter_ns()
    posix.write(fd, COMMAND)
    response = posix.read(fd, 4096)
    took = time.perf_counter_ns() - start
    if len(response) != 28 or response[6:10] != bytes(4):
        sys.exit(f"{path}: {response.hex()}")
    if n >= WARM_UP:
        times.append(took)
print(sorted(times)[COUNT // 2] // 1000)

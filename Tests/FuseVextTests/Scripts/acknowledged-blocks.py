"""Changes blocks of one large file in many pieces until it is killed, and records what fsync has acknowledged.

Usage: acknowledged-blocks.py write FOLDER RECORD SEED | acknowledged-blocks.py check FOLDER RECORD

Each block that is written tells its place and the number of the write. A line of the record is written, and flushed, after
fsync has returned: the numbers up to which all is acknowledged. Lines before tell what is about to change.
"""
import ctypes
import os
import random
import struct
import sys

SIZE = 1024
PUNCH_HOLE_KEEP_SIZE = 3
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def block(place, number):
    return struct.pack("<QQ", place, number) * (SIZE // 16)


def write(folder, record, seed):
    source = random.Random(seed)
    lines = open(record, "a")
    file = os.open(os.path.join(folder, "big"), os.O_RDWR | os.O_CREAT)
    end = 0
    number = 0
    libc.fallocate(file, 0, 0, 3000 * SIZE)
    try:
        while True:
            for _ in range(source.randrange(1, 60)):
                number += 1
                kind = source.random()
                # Apart from each other: an extent for each.
                place = end + 1 + source.randrange(2) if kind < 0.4 else source.randrange(max(end, 3000))
                lines.write(f"{'punch' if kind > 0.9 else 'write'} {place} {number}\n")
                lines.flush()
                if kind > 0.9:
                    if libc.fallocate(file, PUNCH_HOLE_KEEP_SIZE, place * SIZE, SIZE) != 0:
                        return
                else:
                    os.pwrite(file, block(place, number), place * SIZE)
                    end = max(end, place + 1)
            if source.random() < 0.02:
                end = max(end * 3 // 4, 3000)
                number += 1
                lines.write(f"cut {end} {number}\n")
                lines.flush()
                os.ftruncate(file, end * SIZE)
            os.fsync(file)
            lines.write(f"synced 0 {number}\n")
            lines.flush()
    except OSError:
        return


def check(folder, record):
    with open(record) as lines:
        steps = [line.split() for line in lines if line.endswith("\n")]
    synced = max([int(step[2]) for step in steps if step[0] == "synced"], default=0)
    if not synced:
        print(0)
        return
    # What each block may be: the number of a write, or 0 for a hole.
    allowed = {}
    for kind, place, number in steps:
        place, number = int(place), int(number)
        if kind == "synced":
            continue
        if kind == "cut":
            for other in [other for other in allowed if other >= place]:
                allowed[other] = {0} if number <= synced else allowed[other] | {0}
            continue
        now = 0 if kind == "punch" else number
        allowed[place] = {now} if number <= synced else allowed.get(place, {0}) | {now}
    with open(os.path.join(folder, "big"), "rb") as file:
        data = file.read()
    for place, numbers in sorted(allowed.items()):
        got = data[place * SIZE:(place + 1) * SIZE]
        wanted = [block(place, number) if number else bytes(SIZE) for number in numbers]
        if got not in wanted and not (0 in numbers and not got.strip(b"\0")):
            sys.exit(f"block {place}: has {struct.unpack('<QQ', got[:16]) if len(got) >= 16 else len(got)}, "
                     f"acknowledged was one of {sorted(numbers)} up to {synced}")
    print(len(allowed))


if sys.argv[1] == "write":
    write(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    check(sys.argv[2], sys.argv[3])

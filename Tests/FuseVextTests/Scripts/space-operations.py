"""Allocates, punches, writes and cuts files at random and compares them with what a plain folder has.

Usage: space-operations.py run SEED COUNT FOLDER MODEL | space-operations.py fragment SEED FOLDER | space-operations.py
compare FOLDER MODEL
"""
import ctypes
import errno
import os
import random
import sys

KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def fallocate(file, mode, offset, length):
    if libc.fallocate(file, mode, offset, length) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


def fragment(seed, folder):
    """Leaves free space of which no piece has many blocks."""
    source = random.Random(seed)
    os.makedirs(folder)
    block = os.statvfs(folder).f_bsize
    names = []
    try:
        for number in range(100000):
            name = os.path.join(folder, f"x{number}")
            with open(name, "wb") as file:
                file.write(b"x" * block * source.choice([1, 2, 3, 5, 8, 16]))
            names.append(name)
    except OSError:
        pass
    for name in names:
        if source.random() < 0.7:
            os.unlink(name)


def model_space(file, mode, offset, length):
    """What fallocate does to contents and size."""
    size = os.fstat(file).st_size
    if mode & (PUNCH_HOLE | ZERO_RANGE):
        end = min(offset + length, size)
        if end > offset:
            os.pwrite(file, bytes(end - offset), offset)
    if not mode & KEEP_SIZE:
        os.ftruncate(file, max(size, offset + length))


def run(seed, count, folder, model):
    source = random.Random(seed)
    names = [f"f{number}" for number in range(4)]
    files = {name: [os.open(os.path.join(root, name), os.O_RDWR | os.O_CREAT) for root in (folder, model)]
             for name in names}
    for number in range(count):
        name = source.choice(names)
        ours, plain = files[name]
        unit = source.choice([1, 512, 4096, 4096, 4096])
        offset = source.randrange(2 << 20) // unit * unit
        length = max(source.choice([1, 2, 3, 5, 16, 60, 200]) * unit + source.choice([0, 0, -1, 1]), 1)
        kind = source.randrange(16)
        if kind < 7:
            data = source.randbytes(length)
            os.pwrite(ours, data, offset)
            os.pwrite(plain, data, offset)
        elif kind < 14:
            mode = [0, KEEP_SIZE, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE,
                    ZERO_RANGE | KEEP_SIZE][kind - 7]
            try:
                fallocate(ours, mode, offset, length)
            except OSError as error:
                # A deep tree takes no space beyond the end (docs/fuse-vext.md): nothing is done then.
                if error.errno != errno.EOPNOTSUPP or not mode & KEEP_SIZE:
                    raise
                continue
            model_space(plain, mode, offset, length)
        elif kind == 14:
            os.fsync(ours)
        elif source.random() < 0.15:
            size = source.randrange(2 << 20)
            for file in (ours, plain):
                os.ftruncate(file, size)
        elif source.random() < 0.3:
            got, wanted = (os.pread(file, 4 << 20, 0) for file in (ours, plain))
            if got != wanted:
                sys.exit(f"seed {seed}, operation {number}: {name} differs")
    compare(folder, model)


def compare(folder, model):
    for name in sorted(os.listdir(model)):
        with open(os.path.join(folder, name), "rb") as ours, open(os.path.join(model, name), "rb") as plain:
            got, wanted = ours.read(), plain.read()
        if len(got) != len(wanted):
            sys.exit(f"{name}: {len(got)} bytes, the model {len(wanted)}")
        if got != wanted:
            at = next(index for index in range(len(got)) if got[index] != wanted[index])
            sys.exit(f"{name}: differs from byte {at} on")


if sys.argv[1] == "run":
    run(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5])
elif sys.argv[1] == "fragment":
    fragment(int(sys.argv[2]), sys.argv[3])
else:
    compare(sys.argv[2], sys.argv[3])

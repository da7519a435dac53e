"""Writes until it is killed or the file system goes away, and records what fsync has acknowledged.

Usage: acknowledged-writes.py write FOLDER RECORD SEED | acknowledged-writes.py check FOLDER RECORD

A line of the record is written, and flushed, after fsync has returned: a file's name, length and checksum, or a name that
was removed. The record is outside of the file system under test.
"""
import hashlib
import os
import random
import sys


def write(folder, record, seed):
    source = random.Random(seed)
    lines = open(record, "a")
    contents = {}
    number = 0
    while True:
        name = f"f{number}-{seed}"
        number += 1
        try:
            if contents and source.random() < 0.3:
                name = source.choice(sorted(contents))
                data = bytearray(contents[name])
                if source.random() < 0.2:
                    lines.write(f"gone {name}\n")
                    lines.flush()
                    os.unlink(os.path.join(folder, name))
                    del contents[name]
                    continue
                piece = source.randbytes(source.randrange(1, 40000))
                offset = source.randrange(len(data) + 1)
                data[offset:offset + len(piece)] = piece
                lines.write(f"changing {name}\n")
                lines.flush()
                with open(os.path.join(folder, name), "r+b") as file:
                    file.seek(offset)
                    file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
            else:
                data = source.randbytes(source.randrange(200000))
                with open(os.path.join(folder, name + ".new"), "wb") as file:
                    for start in range(0, len(data), 10000):
                        file.write(data[start:start + 10000])
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(os.path.join(folder, name + ".new"), os.path.join(folder, name))
                directory = os.open(folder, os.O_RDONLY)
                os.fsync(directory)
                os.close(directory)
        except OSError:
            return
        contents[name] = bytes(data)
        lines.write(f"have {name} {len(data)} {hashlib.sha256(data).hexdigest()}\n")
        lines.flush()


def check(folder, record):
    state = {}
    with open(record) as lines:
        for line in lines:
            words = line.split()
            if not line.endswith("\n"):
                break
            if words[0] == "have":
                state[words[1]] = (int(words[2]), words[3])
            else:
                # In between: either is right.
                state.pop(words[1], None)
    for name, (length, digest) in sorted(state.items()):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        if len(data) != length or hashlib.sha256(data).hexdigest() != digest:
            sys.exit(f"{name}: {len(data)} bytes, acknowledged were {length}")
    print(len(state))


if sys.argv[1] == "write":
    write(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    check(sys.argv[2], sys.argv[3])

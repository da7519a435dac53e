"""Does the same random operations in two folders and compares what comes of them.

Usage: random-operations.py SEED COUNT FOLDER MODEL
"""
import os
import random
import stat
import sys

seed, count, folder, model = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
source = random.Random(seed)
names = [f"n{i}" for i in range(12)] + ["long" + "x" * 240]
directories = [""]


def path():
    return os.path.join(source.choice(directories), source.choice(names))


def change_file(root, name, offset, data):
    with open(os.path.join(root, name), "r+b") as file:
        file.seek(offset)
        file.write(data)


def write_new(root, name, data):
    with open(os.path.join(root, name), "wb") as file:
        file.write(data)


def operation():
    kind = source.randrange(14)
    first, second = path(), path()
    data = source.randbytes(source.choice([0, 1, 100, 4096, 5000, 70000, 300000]))
    offset = source.choice([0, 1, 4095, 4096, 10000, 65536, 1000001])
    mode = source.choice([0o600, 0o644, 0o755, 0o4755])
    size = source.choice([0, 1, 4095, 4096, 4097, 100000, 2000000])
    return {
        0: lambda root: os.mkdir(os.path.join(root, first)),
        1: lambda root: os.rmdir(os.path.join(root, first)),
        2: lambda root: os.unlink(os.path.join(root, first)),
        3: lambda root: os.rename(os.path.join(root, first), os.path.join(root, second)),
        4: lambda root: os.link(os.path.join(root, first), os.path.join(root, second)),
        5: lambda root: os.symlink("to-" + second[:300], os.path.join(root, first)),
        6: lambda root: os.truncate(os.path.join(root, first), size),
        7: lambda root: os.chmod(os.path.join(root, first), mode),
        8: lambda root: os.setxattr(os.path.join(root, first), "user." + names[0], data[:200]),
        9: lambda root: change_file(root, first, offset, data),
        10: lambda root: change_file(root, first, offset, data),
    }.get(kind, lambda root: write_new(root, first, data))


def outcome(change, root):
    try:
        change(root)
        return 0
    except OSError as error:
        return error.errno


def described(root):
    tree = {}
    for parent, folders, files in os.walk(root):
        for name in folders + files:
            place = os.path.join(parent, name)
            status = os.lstat(place)
            kind = stat.S_IFMT(status.st_mode)
            what = [kind, stat.S_IMODE(status.st_mode)]
            if stat.S_ISREG(kind):
                with open(place, "rb") as file:
                    what += [status.st_nlink, status.st_size, file.read()]
                what.append({key: os.getxattr(place, key) for key in os.listxattr(place)})
            elif stat.S_ISDIR(kind):
                what.append(status.st_nlink)
            else:
                what += [status.st_nlink, os.readlink(place)]
            tree[os.path.relpath(place, root)] = what
    return tree


for number in range(count):
    change = operation()
    one, other = outcome(change, folder), outcome(change, model)
    if one != other:
        sys.exit(f"operation {number} of seed {seed}: errno {one}, the model {other}")
    if number % 25 == 0:
        directories = [""] + [
            os.path.relpath(os.path.join(parent, name), model)
            for parent, folders, _ in os.walk(model) for name in folders
        ]
one, other = described(folder), described(model)
for name in sorted(set(one) | set(other)):
    if one.get(name) != other.get(name):
        show = lambda what: what and [len(part) if isinstance(part, bytes) else part for part in what]
        sys.exit(f"seed {seed}: {name}: {show(one.get(name))}, the model {show(other.get(name))}")

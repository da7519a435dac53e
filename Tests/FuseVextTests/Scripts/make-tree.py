"""Makes a tree with much of what a file system can hold, or prints what one holds.

Usage: make-tree.py make FOLDER FILES | make-tree.py describe FOLDER
"""
import hashlib
import os
import random
import stat
import sys


def make(root, count):
    source = random.Random(4)
    os.makedirs(os.path.join(root, "many"))
    for number in range(count):
        with open(os.path.join(root, "many", f"file-{number}-" + "n" * source.randrange(40)), "wb") as file:
            file.write(source.randbytes(source.choice([0, 1, 59, 60, 1000, 4096, 9000])))
    deep = root
    for level in range(40):
        deep = os.path.join(deep, f"level-{level}")
        os.mkdir(deep)
        with open(os.path.join(deep, "x" * 255), "wb") as file:
            file.write(source.randbytes(level))
    with open(os.path.join(root, "sparse"), "wb") as file:
        for offset in (0, 100_000, 5_000_001, 40_000_000):
            file.seek(offset)
            file.write(source.randbytes(70_000))
        file.truncate(50_000_000)
    with open(os.path.join(root, "attributes"), "wb"):
        pass
    for number in range(8):
        os.setxattr(os.path.join(root, "attributes"), f"user.name{number}", source.randbytes(number * 40))
    os.symlink("many", os.path.join(root, "short-link"))
    os.symlink("t" * 900, os.path.join(root, "long-link"))
    os.link(os.path.join(root, "sparse"), os.path.join(root, "second-name"))


def describe(root):
    lines = []
    for parent, folders, files in os.walk(root):
        for name in folders + files:
            place = os.path.join(parent, name)
            if place == os.path.join(root, "lost+found"):
                continue
            status = os.lstat(place)
            what = f"{os.path.relpath(place, root)} {status.st_mode:o} {status.st_nlink}"
            if stat.S_ISREG(status.st_mode):
                with open(place, "rb") as file:
                    what += f" {status.st_size} {hashlib.sha256(file.read()).hexdigest()}"
                what += "".join(f" {key}={os.getxattr(place, key).hex()}" for key in sorted(os.listxattr(place)))
            if stat.S_ISLNK(status.st_mode):
                what += " " + os.readlink(place)
            lines.append(what)
    print("\n".join(sorted(lines)))


if sys.argv[1] == "make":
    make(sys.argv[2], int(sys.argv[3]))
else:
    describe(sys.argv[2])

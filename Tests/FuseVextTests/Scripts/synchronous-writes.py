#!/usr/bin/env python3
"""synchronous-writes write FOLDER [EXTRA]: writes a file for each way to ask for durable writes; the caller kills the server then.
With EXTRA 'plain', without asking for it: the mount or the folder does. synchronous-writes check FOLDER: their contents."""
import mmap, os, sys

WAYS = {
    'dsync': os.O_DSYNC, 'sync': os.O_SYNC, 'dsync-direct': os.O_DSYNC | os.O_DIRECT,
    'sync-direct': os.O_SYNC | os.O_DIRECT, 'append': os.O_DSYNC | os.O_APPEND,
    'append-direct': os.O_DSYNC | os.O_APPEND | os.O_DIRECT,
    # pwritev2(2) with RWF_DSYNC.
    'each': 0, 'each-direct': os.O_DIRECT,
}
mode, folder = sys.argv[1], sys.argv[2]
for name, flags in WAYS.items():
    path = os.path.join(folder, name)
    if mode == 'write':
        if 'plain' in sys.argv:
            flags &= ~os.O_SYNC
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | flags, 0o644)
        memory = mmap.mmap(-1, 4096)
        for step in range(3):
            memory[:] = name[step:step + 1].encode() * 4096
            if 'each' in name:
                assert os.pwritev(descriptor, [memory], step * 4096, os.RWF_DSYNC) == 4096
            else:
                assert os.write(descriptor, memory) == 4096
        # An overwrite of what is durable already.
        if 'append' not in name:
            assert os.pwritev(descriptor, [memory], 0, os.RWF_DSYNC if 'each' in name else 0) == 4096
    else:
        first = name[2] if 'append' not in name else name[0]
        wanted = ''.join(letter * 4096 for letter in [first, name[1], name[2]])
        assert open(path).read() == wanted, name
os._exit(0)

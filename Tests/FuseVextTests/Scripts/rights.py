# What users may do, and what it leaves: prints one line for each try, to be compared with what the kernel's ext4 prints.
# Runs as root in an empty folder of the file system. Arguments: the names of the parts; all but 'protected' by default. With STRIDE=N,
# every N-th combination is tried.
import ctypes, errno, itertools, mmap, os, stat, struct, sys

ACTORS = {
    "root": (0, 0, []), "owner": (1000, 1000, []), "foreigner": (2000, 2000, []), "member": (3000, 3000, [1000]),
    "stranger": (1000, 4000, []),  # the owner's user, in none of the file's groups
}
libc = ctypes.CDLL(None, use_errno=True)
folder = os.getcwd()


def some(*choices):
    """Every STRIDE-th combination; all by default."""
    return itertools.islice(itertools.product(*choices), 0, None, int(os.environ.get("STRIDE", 1)))


def outcome(action):
    try: return action()
    except OSError as error: return errno.errorcode.get(error.errno, error.errno)


def by(actor, action, umask=0o022):
    """The outcome of an action in a process of the actor's."""
    user, group, groups = ACTORS[actor]
    ends = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.umask(umask)
            os.setgroups(groups); os.setresgid(group, group, group); os.setresuid(user, user, user)
            text = repr(outcome(action))
        except BaseException as error: text = repr(error)
        os.write(ends[1], text.encode()); os._exit(0)
    os.close(ends[1])
    text = os.read(ends[0], 65536).decode(); os.close(ends[0]); os.waitpid(child, 0)
    return text


def show(*words): print(*words)


def state(path):
    s = os.lstat(path)
    return f"{s.st_mode:o} {s.st_uid}:{s.st_gid}"


def has(path, name):
    return outcome(lambda: os.getxattr(path, name, follow_symlinks=False).hex())


def clear(path):
    if not os.path.lexists(path): return
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path): clear(os.path.join(path, name))
        os.rmdir(path)
    else: os.unlink(path)


def fresh(path, mode, user=1000, group=1000, size=8192, directory=False):
    clear(path)
    if directory: os.mkdir(path)
    else:
        with open(path, "wb") as file: file.write(b"x" * size)
    os.chown(path, user, group); os.chmod(path, mode)


def acl(*entries):
    """A list as setxattr has it: (tag, permissions[, id])."""
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", e[0], e[1], e[2] if len(e) > 2 else 0xffffffff) for e in entries)


OWNER, USER, OGROUP, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
MINIMAL = acl((OWNER, 6), (OGROUP, 4), (OTHER, 4))
FOR_2000 = acl((OWNER, 7), (USER, 5, 2000), (OGROUP, 0), (GROUP, 3, 3000), (MASK, 7), (OTHER, 0))
DENIES = acl((OWNER, 6), (USER, 0, 2000), (OGROUP, 6), (MASK, 6), (OTHER, 6))
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)


def write(path, offset=0, flags=0):
    file = os.open(path, os.O_RDWR | flags)
    buffer = mmap.mmap(-1, 4096); buffer.write(b"y" * 4096)
    try: return os.pwritev(file, [buffer], offset)
    finally: os.close(file)


def change_mapping(path):
    file = os.open(path, os.O_RDWR)
    try:
        with mmap.mmap(file, 4096) as memory:
            memory[0:1] = b"z"; memory.flush()
    finally: os.close(file)


def with_file(path, action, flags=os.O_RDWR):
    file = os.open(path, flags)
    try: return action(file)
    finally: os.close(file)


def fallocate(file, mode, offset, count):
    if libc.fallocate(file, mode, ctypes.c_long(offset), ctypes.c_long(count)) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


def copy(path):
    source = os.open("source", os.O_RDONLY); target = os.open(path, os.O_RDWR)
    try: return os.copy_file_range(source, target, 4096, 0, 0)
    finally: os.close(source); os.close(target)


def modes():
    for directory, mode, actor in some((False, True), (0o644, 0o6755, 0o2644, 0o1777), ACTORS):
        actions = {
            "chmod 777": lambda p: os.chmod(p, 0o777), "chmod 6770": lambda p: os.chmod(p, 0o6770),
            "chmod 2644": lambda p: os.chmod(p, 0o2644),
            "chown 1000": lambda p: os.chown(p, 1000, -1), "chown 2000": lambda p: os.chown(p, 2000, -1),
            "chgrp 1000": lambda p: os.chown(p, -1, 1000), "chgrp 2000": lambda p: os.chown(p, -1, 2000),
            "chgrp 4000": lambda p: os.chown(p, -1, 4000),
            "touch": lambda p: os.utime(p), "set times": lambda p: os.utime(p, (1, 1)),
        }
        for name, action in actions.items():
            fresh("f", mode, directory=directory)
            show("modes", directory, oct(mode), actor, name, by(actor, lambda: action("f")), state("f"))


def writes():
    fresh("source", 0o644)
    for mode, actor, marked in some((0o4777, 0o2777, 0o2767, 0o6777, 0o6767), ACTORS, (False, True)):
        if marked and mode != 0o4777: continue
        actions = {
            "write": lambda p: write(p), "append": lambda p: write(p, 8192), "direct": lambda p: write(p, 0, os.O_DIRECT),
            "direct append": lambda p: write(p, 8192, os.O_DIRECT), "mapping": change_mapping,
            "truncate": lambda p: os.truncate(p, 100),
            "ftruncate": lambda p: with_file(p, lambda f: os.ftruncate(f, 9000)),
            "open to truncate": lambda p: with_file(p, lambda f: None, os.O_RDWR | os.O_TRUNC),
            "allocate": lambda p: with_file(p, lambda f: fallocate(f, 0, 0, 20000)),
            "punch": lambda p: with_file(p, lambda f: fallocate(f, 3, 0, 4096)),
            "zero": lambda p: with_file(p, lambda f: fallocate(f, 16, 0, 4096)), "copy": copy,
            "set attribute": lambda p: os.setxattr(p, "user.a", b"1"),
            "chown": lambda p: os.chown(p, 1000, 1000), "open only": lambda p: with_file(p, lambda f: None),
        }
        for name, action in actions.items():
            fresh("f", mode)
            if marked: os.setxattr("f", "security.capability", CAPABILITY)
            before = by(actor, lambda: action("f"))
            show("writes", oct(mode), actor, marked, name, before, state("f"), has("f", "security.capability"))


def creations():
    def unnamed(path, mode):
        file = os.open("d", os.O_TMPFILE | os.O_RDWR, mode)
        try: os.link(f"/proc/self/fd/{file}", path, follow_symlinks=True)
        finally: os.close(file)

    makers = {
        "create": lambda p, m: os.close(os.open(p, os.O_CREAT | os.O_EXCL | os.O_WRONLY, m)), "mkdir": os.mkdir,
        "mkfifo": lambda p, m: os.mknod(p, m | stat.S_IFIFO), "mknod": lambda p, m: os.mknod(p, m),
        "symlink": lambda p, m: os.symlink("to", p), "socket": lambda p, m: os.mknod(p, m | stat.S_IFSOCK),
        "unnamed": unnamed,
    }
    for folder_mode, actor, mode, umask, default, (name, make) in some(
            (0o777, 0o2777), ("root", "owner", "foreigner", "member"), (0o777, 0o640, 0o6755, 0o2654), (0o022, 0o077),
            (None, FOR_2000, MINIMAL), makers.items()):
        fresh("d", folder_mode, 1000, 1000, directory=True)
        if default: os.setxattr("d", DEFAULT, default)
        result = by(actor, lambda: make("d/new", mode), umask)
        there = os.path.lexists("d/new")
        show("creations", oct(folder_mode), actor, oct(mode), oct(umask), default and len(default), name, result,
             state("d/new") if there else "", has("d/new", ACCESS) if there else "", has("d/new", DEFAULT) if there else "",
             outcome(lambda: sorted(os.listxattr("d/new", follow_symlinks=False))) if there else "")
    clear("d")


def sticky():
    for mode, folder_owner, actor, directory in some((0o1777, 0o777, 0o755), (0, 1000, 2000), ACTORS, (False, True)):
        actions = {
            "remove": lambda p: os.rmdir(p) if directory else os.unlink(p), "rename": lambda p: os.rename(p, p + "x"),
            "replace": lambda p: os.rename("d/other", p), "move out": lambda p: os.rename(p, "e/x"),
            "link": lambda p: os.link(p, "e/x"),
        }
        for name, action in actions.items():
            fresh("d", 0o777, directory=True); fresh("e", 0o777, directory=True)
            fresh("d/f", 0o755, directory=directory); fresh("d/other", 0o777, 3000, 3000, directory=directory)
            os.chown("d", folder_owner, folder_owner); os.chmod("d", mode)
            show("sticky", oct(mode), folder_owner, actor, directory, name, by(actor, lambda: action("d/f")), sorted(os.listdir("d")))


def lists():
    lists = {
        "minimal": MINIMAL, "for 2000": FOR_2000, "denies": DENIES, "empty": acl(), "nothing": b"", "version 1": b"\1\0\0\0",
        "version 3": b"\3\0\0\0" + MINIMAL[4:], "short": b"\2\0", "odd": MINIMAL[:-1],
        "no others": acl((OWNER, 6), (OGROUP, 4)), "no mask": acl((OWNER, 6), (USER, 6, 2000), (OGROUP, 4), (OTHER, 4)),
        "two owners": acl((OWNER, 6), (OWNER, 6), (OGROUP, 4), (OTHER, 4)), "permissions 9": acl((OWNER, 9), (OGROUP, 4), (OTHER, 4)),
        "order": acl((OGROUP, 4), (OWNER, 6), (OTHER, 4)), "tag 3": acl((3, 6), (OWNER, 6), (OGROUP, 4), (OTHER, 4)),
        "mask alone": acl((OWNER, 7), (OGROUP, 7), (MASK, 5), (OTHER, 1)),
        "one user twice": acl((OWNER, 7), (USER, 4, 5), (USER, 2, 5), (OGROUP, 7), (MASK, 5), (OTHER, 1)),
        "users in disorder": acl((OWNER, 7), (USER, 4, 9), (USER, 2, 5), (OGROUP, 7), (MASK, 5), (OTHER, 1)),
        "long": acl((OWNER, 7), *[(USER, 4, 100 + n) for n in range(60)], (OGROUP, 7), (MASK, 5), (OTHER, 1)),
    }
    def everything(path): return state(path), has(path, ACCESS), has(path, DEFAULT), outcome(lambda: sorted(os.listxattr(path)))
    for directory, name, kind in some((False, True), (ACCESS, DEFAULT), lists):
        fresh("f", 0o2755, directory=directory)
        show("lists", directory, name, kind, by("owner", lambda: os.setxattr("f", name, lists[kind])), *everything("f"))
    for actor, name, kind, mode in some(ACTORS, (ACCESS, DEFAULT), ("minimal", "for 2000", "nothing"), (0o2775, 0o775)):
        fresh("f", mode, directory=True)
        show("lists by", actor, name, kind, oct(mode), by(actor, lambda: os.setxattr("f", name, lists[kind])), *everything("f"))
        os.setxattr("f", name, FOR_2000)
        show("lists of", actor, name, by(actor, lambda: len(os.getxattr("f", name))), by(actor, lambda: os.removexattr("f", name)),
             by(actor, lambda: os.removexattr("f", name)), *everything("f"))
    for kind, mode in some(("for 2000", "denies", "mask alone"), (0o000, 0o600, 0o640, 0o755, 0o777)):
        for actor in ACTORS:
            fresh("f", 0o644); os.setxattr("f", ACCESS, lists[kind])
            if mode: by("owner", lambda: os.chmod("f", mode))
            tries = [by(actor, lambda: with_file("f", lambda f: None, flags)) for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)]
            show("lists decide", kind, oct(mode), actor, tries, by(actor, lambda: os.access("f", os.X_OK)), *everything("f"))
    os.symlink("f", "link")
    show("lists", "link", outcome(lambda: os.setxattr("link", ACCESS, MINIMAL, follow_symlinks=False)),
         outcome(lambda: os.getxattr("link", ACCESS, follow_symlinks=False)))
    clear("link")


def names():
    kinds = {
        "file": lambda: fresh("f", 0o666), "folder": lambda: fresh("f", 0o777, directory=True),
        "sticky": lambda: fresh("f", 0o1777, directory=True), "closed": lambda: fresh("f", 0o600),
        "fifo": lambda: (clear("f"), os.mkfifo("f"), os.chmod("f", 0o666)), "link": lambda: (clear("f"), os.symlink("to", "f")),
        "device": lambda: (clear("f"), os.mknod("f", 0o666 | stat.S_IFCHR, os.makedev(1, 3))),
    }
    texts = [b"user.a", b"user.", b"trusted.a", b"trusted.", b"security.a", b"security.", b"security.selinux", b"security.ima",
             b"security.capability", b"system.data", b"system.richacl", b"system.x", b"system.", b"system.posix_acl_accessx", b"foo.a",
             b"noprefix", b"osx.a", b"USER.a", b"user.\xff\xfe", b"user." + b"n" * 250, b"user." + b"n" * 251, b"btrfs.x", b"os2.a"]
    for kind, name, actor in some(kinds, texts, ("root", "owner", "foreigner")):
        kinds[kind]()
        value = CAPABILITY if name == b"security.capability" else b"value"
        set_ = by(actor, lambda: os.setxattr("f", name, value, follow_symlinks=False))
        outcome(lambda: os.setxattr("f", name, value, follow_symlinks=False))
        show("names", kind, name[:20], len(name), actor, set_, by(actor, lambda: os.getxattr("f", name, follow_symlinks=False)),
             by(actor, lambda: sorted(os.listxattr("f", follow_symlinks=False))),
             by(actor, lambda: os.removexattr("f", name, follow_symlinks=False)))
    for existing, flags, size in some((False, True), (0, 1, 2, 3), (0, 1, 100, 3000, 4000, 4096, 65536, 65537)):
        fresh("f", 0o644)
        if existing: os.setxattr("f", "user.a", b"old")
        show("names", existing, flags, size, outcome(lambda: os.setxattr("f", "user.a", b"v" * size, flags)),
             outcome(lambda: len(os.getxattr("f", "user.a"))))


def protected():
    """Files that are immutable or append-only. Before it comes 'prepare'; the flags are set between, of an unmounted image."""
    def open_(path, flags): return lambda: os.close(os.open(path, flags, 0o644))
    def set_list(path, value): return lambda: os.setxattr(path, ACCESS, value)
    for flag, actor in itertools.product("ia", ("root", "owner")):
        f, d = f"{flag}-file-{actor}", f"{flag}-folder-{actor}"
        tries = {
            "read": lambda: len(open(f, "rb").read()), "open rw": open_(f, os.O_RDWR), "open w": open_(f, os.O_WRONLY),
            "open append": open_(f, os.O_WRONLY | os.O_APPEND), "open truncate": open_(f, os.O_WRONLY | os.O_TRUNC),
            "open append truncate": open_(f, os.O_WRONLY | os.O_APPEND | os.O_TRUNC),
            "open read truncate": open_(f, os.O_RDONLY | os.O_TRUNC), "open direct": open_(f, os.O_RDWR | os.O_DIRECT),
            "append": lambda: with_file(f, lambda x: os.write(x, b"more"), os.O_WRONLY | os.O_APPEND),
            "truncate": lambda: os.truncate(f, 0), "truncate up": lambda: os.truncate(f, 1 << 20),
            "ftruncate up": lambda: with_file(f, lambda x: os.ftruncate(x, 1 << 20), os.O_WRONLY | os.O_APPEND),
            "allocate": lambda: with_file(f, lambda x: fallocate(x, 0, 0, 65536), os.O_WRONLY | os.O_APPEND),
            "allocate, keep": lambda: with_file(f, lambda x: fallocate(x, 1, 0, 1 << 17), os.O_WRONLY | os.O_APPEND),
            "punch": lambda: with_file(f, lambda x: fallocate(x, 3, 0, 4096), os.O_WRONLY | os.O_APPEND),
            "zero": lambda: with_file(f, lambda x: fallocate(x, 16, 0, 4096), os.O_WRONLY | os.O_APPEND),
            "chmod": lambda: os.chmod(f, 0o600), "chown": lambda: os.chown(f, 1000, 1000), "touch": lambda: os.utime(f),
            "set times": lambda: os.utime(f, (1, 1)), "set user.": lambda: os.setxattr(f, "user.a", b"1"),
            "remove user.": lambda: os.removexattr(f, "user.kept"), "get user.": lambda: os.getxattr(f, "user.kept"),
            "set security.": lambda: os.setxattr(f, "security.a", b"1"), "set list": set_list(f, FOR_2000),
            "remove list": lambda: os.removexattr(f, ACCESS), "link": lambda: os.link(f, "linked"),
            "rename same": lambda: os.rename(f, f), "rename to link": lambda: os.rename(f, f + "-link"),
            "rename": lambda: os.rename(f, "renamed"), "replace": lambda: os.rename("plain", f), "remove": lambda: os.unlink(f),
            "exchange": lambda: exchange(f, "plain"),
            "folder: create": open_(d + "/new", os.O_CREAT | os.O_WRONLY), "folder: mkdir": lambda: os.mkdir(d + "/newd"),
            "folder: symlink": lambda: os.symlink("x", d + "/new-link"), "folder: mkfifo": lambda: os.mkfifo(d + "/newp"),
            "folder: link in": lambda: os.link("plain", d + "/newl"), "folder: link out": lambda: os.link(d + "/x", "out"),
            "folder: move in": lambda: os.rename("plain", d + "/newm"), "folder: move out": lambda: os.rename(d + "/x", "out"),
            "folder: rename in": lambda: os.rename(d + "/x", d + "/x2"), "folder: replace": lambda: os.rename("plain", d + "/x"),
            "folder: replace in": lambda: os.rename(d + "/x", d + "/y"), "folder: remove": lambda: os.unlink(d + "/y"),
            "folder: rmdir": lambda: os.rmdir(d + "/z"), "folder: remove none": lambda: os.unlink(d + "/none"),
            "folder: create existing": open_(d + "/y", os.O_CREAT | os.O_EXCL | os.O_WRONLY), "folder: write below": open_(d + "/y", os.O_RDWR),
            "folder: chmod": lambda: os.chmod(d, 0o755), "folder: chown": lambda: os.chown(d, 1000, 1000), "folder: touch": lambda: os.utime(d),
            "folder: set times": lambda: os.utime(d, (1, 1)), "folder: set default": lambda: os.setxattr(d, DEFAULT, FOR_2000),
            "folder: set user.": lambda: os.setxattr(d, "user.a", b"1"), "folder: remove it": lambda: os.rmdir(d),
            "folder: rename it": lambda: os.rename(d, "renamed"), "folder: unnamed": lambda: os.close(os.open(d, os.O_TMPFILE | os.O_RDWR, 0o644)),
            "folder: exchange": lambda: exchange(d + "/y", "plain"),
        }
        for name, action in tries.items():
            clear("plain"); fresh("plain", 0o666)
            show("protected", flag, actor, name, by(actor, action), state(f), os.path.getsize(f), state(d), sorted(os.listdir(d)))


def exchange(one, other):
    if libc.renameat2(-100, one.encode(), -100, other.encode(), 2) != 0: raise OSError(ctypes.get_errno(), "renameat2")


def prepare():
    """Files for 'protected', and the commands of debugfs that mark them."""
    place = os.path.relpath(folder, os.environ["MOUNT"])
    for flag, actor in itertools.product("ia", ("root", "owner")):
        f, d = f"{flag}-file-{actor}", f"{flag}-folder-{actor}"
        fresh(f, 0o666); os.setxattr(f, "user.kept", b"kept"); os.link(f, f + "-link")
        fresh(d, 0o777, directory=True)
        for name in "xy": fresh(f"{d}/{name}", 0o666, size=0)
        fresh(d + "/z", 0o777, directory=True)
        with open(os.environ["COMMANDS"], "a") as commands:
            commands.write(f"sif {place}/{f} flags {0x80010 if flag == 'i' else 0x80020}\n")
            commands.write(f"sif {place}/{d} flags {0x80010 if flag == 'i' else 0x80020}\n")


os.umask(0); os.chmod(".", 0o777)
for part in sys.argv[1:] or ["modes", "writes", "creations", "sticky", "lists", "names"]: globals()[part]()

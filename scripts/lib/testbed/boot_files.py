"""What the virtual host of scripts/testbed boots: Debian's kernel, and an initial RAM file system that is made for each call."""

import fcntl
import glob
import lzma
import os
import re
import shlex
import shutil
import stat
import struct
import subprocess
import termios

LIBRARY = os.path.dirname(os.path.realpath(__file__))
PROJECT = os.path.realpath(os.path.join(LIBRARY, "../../.."))
# What the initial RAM file system needs to reach the files and the streams; kvm_amd is loaded from the files.
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
KEPT_ENVIRONMENT = ("HOME", "PATH", "TERM", "LANG", "LC_ALL", "USER", "LOGNAME", "SHELL", "CI")


class Failure(Exception):
    """What is wrong with the machine, for the caller."""


def newest_kernel():
    """The version of the newest stock kernel of Debian that has its modules here. Its cloud kernel lacks 9p."""
    versions = [path.removeprefix("/boot/vmlinuz-") for path in glob.glob("/boot/vmlinuz-*-amd64")]
    usable = [version for version in versions
              if "-cloud-" not in version and "-rt-" not in version and os.path.isdir(f"/lib/modules/{version}")]
    if not usable:
        raise Failure("no kernel /boot/vmlinuz-*-amd64 with its modules: install linux-image-amd64")
    return max(usable, key=lambda version: [int(number) for number in re.findall(r"\d+", version)])


def module_files(version):
    """The files of MODULES and of all that these need, in the order in which they must be loaded."""
    paths = []
    environment = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
    for module in MODULES:
        done = subprocess.run(["modprobe", "--set-version", version, "--show-depends", module], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"the kernel {version} has no module {module}: {done.stderr.strip()}")
        paths += [line.split()[1] for line in done.stdout.splitlines() if line.startswith("insmod ")]
    return list(dict.fromkeys(paths))


def contents(path):
    opened = lzma.open(path) if path.endswith(".xz") else open(path, "rb")
    with opened as file:
        return file.read()


def cpio_entry(name, mode, data=b"", device=(0, 0)):
    """One member of a cpio archive of the `newc` kind, which the kernel unpacks."""
    path = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    entry = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    entry += bytes(-len(entry) % 4) + data
    return entry + bytes(-len(entry) % 4)


def initial_files(options, version):
    """The initial RAM file system: a shell, the modules, and what this call asks for."""
    command = command_script(options)
    settings = {
        "project": PROJECT,
        "directory": os.getcwd(),
        "home": os.environ.get("HOME", ""),
        "terminal": "%d %d" % terminal_size() if options.terminal else "",
    }
    shares = "".join(f"{tag} {folder}\n" for tag, folder in share_tags(options))
    executable, plain = stat.S_IFREG | 0o755, stat.S_IFREG | 0o644
    entries = [cpio_entry(name, stat.S_IFDIR | 0o755) for name in ("bin", "dev", "testbed", "testbed/modules")]
    entries.append(cpio_entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)))
    entries.append(cpio_entry("bin/busybox", executable, contents(shutil.which("busybox"))))
    for name in ("init", "testbed/init"):
        entries.append(cpio_entry(name, executable, contents(os.path.join(LIBRARY, "init"))))
    for index, path in enumerate(module_files(version)):
        entries.append(cpio_entry(f"testbed/modules/{index:02}.ko", plain, contents(path)))
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    entries.append(cpio_entry("testbed/settings", plain, os.fsencode(text)))
    entries.append(cpio_entry("testbed/shares", plain, os.fsencode(shares)))
    entries.append(cpio_entry("testbed/command", plain, os.fsencode(command)))
    return b"".join([*entries, cpio_entry("TRAILER!!!", 0)])


def command_script(options):
    """What bash runs in the virtual host: the caller's environment and folder, then COMMAND."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    for text in options.env:
        name, given, value = text.partition("=")
        if given:
            kept[name] = value
        elif name in os.environ:
            kept[name] = os.environ[name]
    kept["VEXT_TESTBED"] = "1"
    words = [f"{name}={value}" for name, value in kept.items()] + options.command
    return (f"cd -- {shlex.quote(os.getcwd())} || exit\n"
            f"exec /usr/bin/env -i -- {' '.join(shlex.quote(word) for word in words)}\n")


def share_tags(options):
    # A folder inside another one is mounted after it.
    return [(f"rw{index}", folder) for index, folder in enumerate(sorted(options.rw))]


def terminal_size():
    rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
    return (rows or 24, columns or 80)

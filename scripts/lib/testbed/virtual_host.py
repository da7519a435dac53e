"""The virtual host of scripts/testbed: a QEMU, and the streams of the command that runs in it."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time

from boot_files import Failure, initial_files, share_tags

FIRMWARE_FOLDERS = ("/usr/share/qemu", "/usr/share/seabios")
# QEMU's SVM lets a guest execute XSETBV without an exit, so that the host's KVM never learns what the guest
# enabled: guests then complain of their XSAVE area and fault on AVX. Without XSAVE there is nothing to get wrong.
CPU = "EPYC,+svm,+npt,-xsave,-xsaveopt,-xgetbv1,-avx,-avx2,-f16c,-fma"
BOOT_SECONDS = 300
NVME_BYTES = 64 << 20


class Ended(BaseException):
    """A signal asked for the end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def vfio_devices(folder):
    """An IOMMU that remaps interrupts too, and devices behind it. virtio devices bypass it."""
    disk = os.path.join(folder, "nvme")
    with open(disk, "wb") as file:
        file.truncate(NVME_BYTES)
    return ["-device", "intel-iommu,intremap=on",
            "-drive", f"if=none,id=nvme,format=raw,cache=unsafe,file={disk}",
            "-device", "nvme,serial=vext,drive=nvme", "-device", "edu"]


def qemu_command(options, qemu, version, folder, console, ports):
    """`ports` is what the virtio console carries: names and descriptors of connected sockets."""
    initrd = os.path.join(folder, "initrd")
    parameters = "console=ttyS0 panic=-1 mitigations=off nokaslr no_timer_check loglevel=5 rdinit=/init"
    command = [qemu]
    for firmware in FIRMWARE_FOLDERS:
        command += ["-L", firmware]
    command += [
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35",
        "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", f"cpus={options.cpus}",
        "-m", f"{options.memory}M",
        "-kernel", f"/boot/vmlinuz-{version}", "-initrd", initrd,
        # Mitigations cost time and protect nothing here; a crash ends the virtual host.
        "-append", parameters + (" intel_iommu=on" if options.vfio else ""),
        "-chardev", f"file,id=console,path={console}", "-serial", "chardev:console",
        "-fsdev", "local,id=root,path=/,security_model=none,multidevs=remap,readonly=on",
        "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
        "-device", "virtio-serial-pci,max_ports=8",
    ]
    if options.vfio:
        command += vfio_devices(folder)
    for tag, shared in share_tags(options):
        command += ["-fsdev", f"local,id={tag},path={shared},security_model=none,multidevs=remap",
                    "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    for name, descriptor in ports:
        # Port 0 of the bus is a console's for historical reasons.
        kind = "virtconsole,nr=0" if name == "terminal" else "virtserialport"
        command += ["-chardev", f"socket,id={name},fd={descriptor}", "-device", f"{kind},chardev={name},name={name}"]
    if options.numa_nodes > 1:
        nodes = options.numa_nodes
        sizes = [options.memory // nodes] * nodes
        sizes[0] += options.memory - sum(sizes)
        for node, size in enumerate(sizes):
            first, end = options.cpus * node // nodes, options.cpus * (node + 1) // nodes
            command += ["-object", f"memory-backend-ram,id=node{node},size={size}M",
                        "-numa", f"node,nodeid={node},memdev=node{node},cpus={first}-{end - 1}"]
    return command


class Stream:
    """What the virtual host writes to one port, passed on to a descriptor of ours."""

    def __init__(self, port, descriptor):
        self.port, self.descriptor, self.byte_count = port, descriptor, 0

    def pass_on(self):
        data = self.port.recv(1 << 16)
        self.byte_count += len(data)
        rest = memoryview(data)
        while rest and self.descriptor is not None:
            try:
                rest = rest[os.write(self.descriptor, rest):]
            except BlockingIOError:
                select.select([], [self.descriptor], [])
            except BrokenPipeError as error:
                raise Ended(signal.SIGPIPE) from error
        return bool(data)


class Input:
    """Our standard input, passed on as far as the virtual host takes it."""

    def __init__(self, port):
        self.port, self.pending = port, b""
        self.is_open = True
        port.setblocking(False)

    def read(self):
        try:
            self.pending = os.read(0, 1 << 16)
        except OSError:
            self.pending = b""
        if not self.pending:
            self.close()

    def write(self):
        try:
            self.pending = self.pending[self.port.send(self.pending):]
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def close(self):
        self.is_open = False
        with contextlib.suppress(OSError):
            self.port.shutdown(socket.SHUT_WR)


class VirtualHost:
    """A running QEMU and the streams of the command in it."""

    def __init__(self, options, folder, qemu, version):
        names = ("status", "terminal") if options.terminal else ("status", "stdin", "stdout", "stderr")
        pairs = {name: socket.socketpair() for name in names}
        self.console = os.path.join(folder, "console")
        initrd = os.path.join(folder, "initrd")
        with open(initrd, "wb") as file:
            file.write(initial_files(options, version))
        theirs = [(name, pair[1].fileno()) for name, pair in pairs.items()]
        # QEMU dies with us even if nobody gives us the time to end it.
        command = ["setpriv", "--pdeathsig", "KILL", "--",
                   *qemu_command(options, qemu, version, folder, self.console, theirs)]
        self.errors = open(os.path.join(folder, "qemu"), "w+", encoding="utf-8", errors="replace")
        # In a session of its own: the terminal's Ctrl-C is ours to handle.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
                                        start_new_session=True, pass_fds=[number for _, number in theirs])
        ours = {name: pair[0] for name, pair in pairs.items()}
        for pair in pairs.values():
            pair[1].close()
        self.status, self.status_text = ours["status"], b""
        self.input = Input(ours["terminal"] if options.terminal else ours["stdin"])
        if options.terminal:
            self.streams = [Stream(ours["terminal"], 1)]
        else:
            self.streams = [Stream(ours["stdout"], 1), Stream(ours["stderr"], 2)]

    def end(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def failure(self, what):
        """An error that tells the last words of QEMU and of the virtual host's kernel."""
        self.errors.seek(0)
        words = [line for line in self.errors.read().splitlines() if "TCG doesn't support" not in line]
        with contextlib.suppress(OSError), open(self.console, encoding="utf-8", errors="replace") as file:
            words += [line for line in file.read().splitlines() if line.strip()][-8:]
        return Failure("\n  ".join([what, *words]))

    def run(self, deadline, verbose):
        """Passes streams on until the command has ended; its exit code."""
        is_up, result, shown = False, None, 0
        boot_deadline = time.monotonic() + BOOT_SECONDS
        readable = {stream.port: stream for stream in self.streams}
        readable[self.status] = None
        while True:
            if verbose:
                shown = self.show_console(shown)
            now = time.monotonic()
            if deadline and now >= deadline:
                raise TimeoutError
            if not is_up and now >= boot_deadline:
                raise self.failure(f"the virtual host did not come up within {BOOT_SECONDS} s")
            if result and all(stream.byte_count >= count for stream, count in zip(self.streams, result[1:])):
                return result[0]
            # Input waits for the virtual host; before that there is nobody to read it.
            reads = list(readable)
            if self.input.is_open and is_up and not self.input.pending:
                reads.append(0)
            writes = [self.input.port] if self.input.is_open and self.input.pending else []
            waits = [0.2 if verbose else 5.0]
            if deadline:
                waits.append(deadline - now)
            ready, writable, _ = select.select(reads, writes, [], min(waits))
            for source in ready:
                if source == 0:
                    self.input.read()
                elif source is self.status:
                    data = self.status.recv(4096)
                    if not data:
                        raise self.failure("the virtual host ended before the command did")
                    self.status_text += data
                    lines = self.status_text.decode().split("\n")[:-1]
                    is_up = "ready" in lines
                    ends = [line.split()[1:] for line in lines if line.startswith("end ")]
                    result = [int(number) for number in ends[0]] if ends else None
                elif not readable[source].pass_on():
                    del readable[source]
            if writable:
                self.input.write()

    def show_console(self, shown):
        with contextlib.suppress(OSError), open(self.console, "rb") as file:
            file.seek(shown)
            data = file.read()
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()
            return shown + len(data)
        return shown

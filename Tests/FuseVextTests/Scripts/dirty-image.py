#!/usr/bin/env python3
"""Makes an image with a journal that needs recovery, as a crash leaves one.

    dirty-image.py IMAGE VARIANT SEED

The kernel's ext4 has the image mounted, through a loop device over a file that qemu-storage-daemon serves. While threads
change the file system, the daemon is killed: what the kernel writes afterwards does not reach the image.

Prints the seconds that the load ran. `--list` prints the variants.
"""
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

# Name: mke2fs and its options, mount options.
VARIANTS = {
    "default": ("mkfs.ext4 -b 4096", ""),
    "small-blocks": ("mkfs.ext4 -b 1024 -O ^64bit", ""),
    "wrap": ("mkfs.ext4 -b 1024 -J size=1", "commit=1"),
    "checksum-v1": ("mkfs.ext4 -b 1024 -O ^metadata_csum,^64bit", "journal_checksum"),
    "async-v1": ("mkfs.ext4 -b 4096 -O ^metadata_csum", "journal_async_commit,data=writeback"),
    "async-v3": ("mkfs.ext4 -b 1024", "journal_async_commit,data=writeback"),
    "data-journal": ("mkfs.ext4 -b 1024 -J size=4", "data=journal"),
    "data-journal-wrap": ("mkfs.ext4 -b 4096 -O ^metadata_csum -J size=4", "data=journal"),
    "writeback": ("mkfs.ext4 -b 2048 -O ^flex_bg", "data=writeback"),
    "ext3": ("mkfs.ext3 -b 1024", ""),
    "orphan-file": ("mkfs.ext4 -b 4096 -O orphan_file", ""),
    "fast-commit": ("mkfs.ext4 -b 4096 -O fast_commit", ""),
    "small-inodes": ("mkfs.ext4 -b 1024 -I 128 -O ^extents,^64bit,^flex_bg", "commit=1"),
}
MEGABYTES = 64


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()


class Load(threading.Thread):
    """Random operations in a folder of its own, until the device dies."""

    def __init__(self, folder, seed, journals_data):
        super().__init__(daemon=True)
        self.folder = folder
        self.random = random.Random(seed)
        self.journals_data = journals_data
        self.names = []
        self.open_files = []

    def run(self):
        try:
            os.mkdir(self.folder)
            while True:
                self.step()
        except OSError:
            # The device is gone, or the file system is full.
            pass

    def path(self):
        return f"{self.folder}/{self.random.randrange(200)}"

    def step(self):
        choice = self.random.randrange(100)
        path = self.path()
        if choice < 45:
            with open(path, "ab" if choice < 15 else "wb") as file:
                # Blocks that begin as those of a journal are escaped there.
                block = b"\xc0\x3b\x39\x98" + self.random.randbytes(60)
                file.write(block * self.random.randrange(1, 2000 if self.journals_data else 500))
                if choice < 25:
                    file.flush()
                    os.fsync(file.fileno())
        elif choice < 57 and os.path.exists(path):
            os.rename(path, self.path())
        elif choice < 69 and os.path.exists(path):
            if self.random.random() < 0.4 and len(self.open_files) < 40:
                self.open_files.append(open(path, "r+b"))
            os.unlink(path)
        elif choice < 77 and os.path.exists(path):
            os.truncate(path, self.random.randrange(0, 40000))
        elif choice < 85 and os.path.exists(path):
            os.setxattr(path, f"user.{self.random.randrange(3)}", self.random.randbytes(self.random.randrange(1, 600)))
        elif choice < 90:
            self.folders()
        elif choice < 94 and os.path.exists(path):
            os.link(path, f"{self.folder}/link-{self.random.randrange(10 ** 9)}")
        elif choice < 97:
            os.symlink("t" * self.random.choice([10, 59, 60, 200]), f"{self.folder}/s-{self.random.randrange(10 ** 9)}")
        elif choice < 98:
            os.sync()
        elif os.path.exists(path):
            os.chmod(path, self.random.randrange(0o1000))

    def folders(self):
        path = f"{self.folder}/d-{self.random.randrange(10 ** 9)}"
        os.mkdir(path)
        # Blocks of directories that are freed are revoked.
        for number in range(self.random.randrange(60)):
            os.mknod(f"{path}/{'n' * self.random.randrange(30)}{number}", 0o100644)
        if self.random.random() < 0.7:
            for name in os.listdir(path):
                os.unlink(f"{path}/{name}")
            os.rmdir(path)


def main(image, variant, seed):
    make, options = VARIANTS[variant]
    generator = random.Random(seed)
    with open(image, "wb") as file:
        file.truncate(MEGABYTES << 20)
    run(*make.split(), "-q", "-F", "-U", "random", image)
    folder = tempfile.mkdtemp(prefix="dirty-image-")
    served, mount_point = f"{folder}/served", f"{folder}/mnt"
    open(served, "w").close()
    os.mkdir(mount_point)
    daemon = subprocess.Popen(
        ["qemu-storage-daemon", "--blockdev", f"driver=file,filename={image},node-name=image",
         "--export", f"type=fuse,id=export,node-name=image,mountpoint={served},writable=on"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    loop = None
    is_mounted = False
    try:
        for _ in range(500):
            if os.path.ismount(served) or os.path.getsize(served) > 0:
                break
            time.sleep(0.01)
        loop = run("losetup", "-f", "--show", served)
        run("mount", "-t", "ext4", "-o", options or "rw", loop, mount_point)
        is_mounted = True
        loads = [Load(f"{mount_point}/{index}", seed * 10 + index, "data=journal" in options) for index in range(2)]
        duration = generator.uniform(0.1, 0.9)
        for load in loads:
            load.start()
        time.sleep(duration)
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        for load in loads:
            load.join(timeout=20)
            load.open_files.clear()
        print(f"{duration:.2f}")
    finally:
        daemon.kill()
        daemon.wait()
        if is_mounted:
            subprocess.run(["umount", "-l", mount_point], stderr=subprocess.DEVNULL)
        if loop:
            subprocess.run(["losetup", "-d", loop], stderr=subprocess.DEVNULL)
        subprocess.run(["umount", "-l", served], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", folder])


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(VARIANTS))
    else:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

import Testing

/// Space that is allocated before, and freed behind, what is written: trees of extents of every shape.
@Suite(.serialized)
struct SpaceTests {
  @Test(arguments: [
    ("mkfs.ext4 -q -F", 1), ("mkfs.ext4 -q -F -b 1024", 2), ("mkfs.ext4 -q -F -b 1024", 3),
    ("mkfs.ext4 -q -F -b 1024 -O ^metadata_csum,^64bit", 4), ("mkfs.ext4 -q -F -b 2048 -O ^has_journal", 5),
    ("mkfs.ext4 -q -F -b 1024 -I 128", 6),
  ])
  func `on free space in pieces, random operations come out as on a plain folder`(make: String, seed: Int) {
    let disk = MountedImage(megabytes: 24, make: make)
    let model = TemporaryFolder.makeOrTrap()
    let count = CrashSettings.number("VEXT_SPACE_OPERATIONS") ?? 500
    let script = "python3 '\(TestScript.path("space-operations"))'"
    disk.mount()
    disk.shell("mkdir work && \(script) fragment \(seed) filler")
    disk.shell("\(script) run \(seed) \(count) work '\(model.path)'")
    disk.unmount()
    disk.expectClean("seed \(seed)")
    disk.throughKernel("\(script) compare work '\(model.path)'", options: "ro")
    for name in ["f0", "f1", "f2", "f3"] {
      let compared = Command.run(
        """
        debugfs -R 'dump /work/\(name) \(disk.folder.path)/dumped' '\(disk.image)' \
        && cmp '\(disk.folder.path)/dumped' '\(model.path)/\(name)'
        """)
      #expect(compared.exitCode == 0, "\(compared.output)")
    }
    // What was read back is not what was in memory.
    disk.mount()
    disk.shell("\(script) compare work '\(model.path)' && rm -r work filler")
    disk.unmount()
    disk.expectClean("seed \(seed), removed")
  }

  @Test(arguments: ["mkfs.ext2 -q -F -b 1024 -m 0", "mkfs.ext3 -q -F -b 4096 -m 0"])
  func `without extents data may fill the file system, and structures of full ones stay sound`(make: String) {
    let disk = MountedImage(megabytes: 24, make: make)
    disk.mount()
    disk.shell(
      """
      : > g; ! dd if=/dev/zero of=f bs=16k status=none 2> /dev/null; sync f; free=$(stat -f -c '%f %s' .)
      test $((${free% *} * ${free#* })) -lt 65536
      truncate -s 1G g; for n in 1 50000 300000; do dd if=/dev/zero of=g bs=1k count=9 seek=$n conv=notrunc || true; done 2> /dev/null
      for n in {1..300}; do setfattr -n user.a -v "$(printf %0900d $n)" f && touch $n || true; done 2> /dev/null
      cmp -n $(stat -c %s f) f /dev/zero; truncate -s 100k f; sync; rm f g; echo > new
      """)
    disk.unmount()
    disk.expectClean()
  }

  @Test func `space that was allocated between what others wrote holds what is written`() {
    let disk = MountedImage(make: "mkfs.ext4 -q -F -b 1024")
    disk.mount()
    disk.shell(
      """
      python3 - <<'P'
      import os
      files = [os.open(f'f{n}', os.O_RDWR | os.O_CREAT) for n in range(3)]
      # In turns, so that what follows in a file does not follow on the disk.
      for step in range(200):
          for n, f in enumerate(files): os.posix_fallocate(f, step * 3072, 3072)
      for n, f in enumerate(files):
          for step in range(0, 600, 2): os.pwrite(f, bytes([65 + n]) * 1024, step * 1024)
          os.fsync(f)
          for step in range(599, 0, -2): os.pwrite(f, bytes([97 + n]) * 1024, step * 1024)
          os.close(f)
      P
      """)
    disk.unmount()
    disk.expectClean()
    disk.throughKernel(
      """
      python3 - <<'P'
      for n in range(3):
          assert open(f'f{n}', 'rb').read() == (bytes([65 + n]) * 1024 + bytes([97 + n]) * 1024) * 300, n
      P
      """, options: "ro")
  }

  @Test func `a tree of many nodes grows, is filled, is punched and is freed`() {
    let disk = MountedImage(make: "mkfs.ext4 -q -F -b 1024")
    disk.mount()
    let free = disk.shell("stat -f -c %f .")
    disk.shell(
      """
      cat > '\(disk.folder.path)/deep.py' <<'P'
      import os, random, subprocess, sys
      count = 8000
      def expected():
          source, data = random.Random(7), bytearray(count * 1024)
          for n in range(0, count, 2): data[n * 1024:n * 1024 + 1024] = b'a' * 1024
          for n in source.sample(range(1, count, 2), 700): data[n * 1024:n * 1024 + 1024] = b'b' * 1024
          for n in source.sample(range(count), 700): data[n * 1024:n * 1024 + 1024] = bytes(1024)
          return bytes(data)
      if sys.argv[1] == 'check':
          assert open('deep', 'rb').read() == expected()
          raise SystemExit
      f = os.open('deep', os.O_RDWR | os.O_CREAT)
      os.posix_fallocate(f, 0, count * 1024)
      source = random.Random(7)
      for n in range(0, count, 2): os.pwrite(f, b'a' * 1024, n * 1024)
      os.fsync(f)
      for n in source.sample(range(1, count, 2), 700): os.pwrite(f, b'b' * 1024, n * 1024)
      os.fsync(f)
      import ctypes
      fallocate = ctypes.CDLL(None).fallocate
      fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
      for n in source.sample(range(count), 700): assert fallocate(f, 3, n * 1024, 1024) == 0
      assert os.pread(f, count * 1024, 0) == expected()[:len(os.pread(f, count * 1024, 0))]
      P
      python3 '\(disk.folder.path)/deep.py' make
      """)
    disk.unmount()
    disk.expectClean()
    #expect(Command.run("debugfs -R 'ex -n /deep' '\(disk.image)'").output.contains("0/ 2"))
    disk.throughKernel("python3 '\(disk.folder.path)/deep.py' check", options: "ro")
    disk.mount()
    disk.shell(
      "python3 '\(disk.folder.path)/deep.py' check && truncate -s 1000000 deep && truncate -s 3000 deep")
    disk.unmount()
    disk.expectClean("cut")
    disk.mount()
    disk.shell("rm deep; sleep 0.3")
    #expect(disk.shell("stat -f -c %f .") == free)
    disk.unmount()
    disk.expectClean("removed")
  }

  @Test func `space beyond the end is kept, and a full disk gives no part of what it cannot give`() {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -b 1024 -m 0")
    disk.mount()
    disk.shell(
      """
      set -e
      touch kept; fallocate -n -l 3M kept; test "$(stat -c %s:%b kept)" = 0:6144
      free=$(stat -f -c %f .)
      ! fallocate -l 1G f 2>/dev/null; test "$(stat -c %s:%b f)" = 0:0; test "$(stat -f -c %f .)" = "$free"
      fallocate -l $(($(stat -f -c %a .) * 1024)) f; rm f
      """)
    // What was freed just now may be had again at once.
    disk.shell("fallocate -l $(($(stat -f -c %a .) * 1024)) g && rm g && mkdir d && touch d/{1..200}")
    disk.shell("test \"$(stat -c %s:%b kept)\" = 0:6144")
    disk.unmount()
    disk.expectClean()
  }

  @Test func `blocks that were allocated on a disk that is full now can all be written and synced`() {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext4 -q -F -b 1024 -m 0")
    disk.mount()
    disk.shell(
      """
      fallocate -l 4M f; dd if=/dev/zero of=g bs=64k 2>/dev/null
      python3 - <<'P'
      import os
      f = os.open('f', os.O_RDWR)
      # Each second block, so that each needs an extent.
      for n in range(0, 4096, 2): os.pwrite(f, b'a' * 1024, n * 1024)
      os.fsync(f)
      assert os.pread(f, 4 << 20, 0) == (b'a' * 1024 + bytes(1024)) * 2048
      P
      """)
    disk.unmount()
    disk.expectClean()
  }

  @Test func `blocks of an ext2 file that could not all be written are counted and freed once`() {
    let disk = MountedImage(megabytes: 16, make: "mkfs.ext2 -q -F -b 1024 -m 0")
    disk.mount()
    disk.shell(
      """
      dd if=/dev/zero of=filler bs=64k 2>/dev/null
      python3 - <<'P'
      import os
      f = os.open('sparse', os.O_RDWR | os.O_CREAT)
      # Each in need of a block of pointers of its own, for which there is room now but not in the end.
      os.truncate('filler', os.path.getsize('filler') - (900 << 10))
      written = 0
      try:
          for n in range(1000):
              os.pwrite(f, b's' * 1024, 300 * 1024 + n * 256 * 1024)
              written += 1
      except OSError:
          pass
      failures = 0
      for attempt in range(3):
          try:
              os.fsync(f)
          except OSError:
              failures += 1
      print(written, failures)
      P
      """)
    disk.shell("sleep 6; rm sparse; sync .; rm filler; sleep 0.3")
    disk.unmount()
    disk.expectClean()
  }

  @Test(arguments: ["append", "immutable"])
  func `truncation of a file that is protected leaves its data alone`(flag: String) {
    let disk = MountedImage()
    disk.mount()
    disk.shell("head -c 3000 /dev/zero | tr '\\0' a > f")
    disk.unmount()
    let bits = flag == "append" ? 0x80020 : 0x80010
    #expect(Command.run("debugfs -w -R 'sif f flags \(bits)' '\(disk.image)'").exitCode == 0)
    disk.mount()
    disk.shell(
      """
      python3 - <<'P'
      import os
      try:
          os.truncate('f', 100)
          raise SystemExit('it was truncated')
      except PermissionError:
          pass
      P
      test "$(tr -d a < f | wc -c)" = 0 && test "$(stat -c %s f)" = 3000
      """)
    disk.unmount()
    disk.expectClean()
  }
}

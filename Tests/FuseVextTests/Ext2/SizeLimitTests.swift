import Testing

@testable import FuseVext

/// The largest sizes of files. The numbers are those of the kernel's ext4 (Linux 6.18), found by truncate(2).
@Suite(.serialized)
struct SizeLimitTests {
  @Test(
    arguments: [
      (1024, false, 17_247_252_480, 2_199_023_254_528), (2048, false, 275_415_851_008, 2_199_023_253_504),
      (4096, false, 2_196_873_666_560, 2_199_023_251_456),
      (4096, true, 4_402_345_721_856, 17_592_186_040_320),
      (1024, true, 17_247_252_480, 4_398_046_510_080),
    ] as [(Int, Bool, UInt64, UInt64)])
  func `limits are those of the kernel's ext4`(size: Int, isHuge: Bool, blockMap: UInt64, extents: UInt64) {
    let limits = SizeLimits(blockByteCount: size, countsHugeFiles: isHuge)
    #expect(limits.blockMap == blockMap)
    #expect(limits.extents == extents)
  }

  @Test func `a size that a file cannot have leaves set-user-ID and set-group-ID`() {
    let disk = MountedImage(make: "mkfs.ext2 -q -F -b 1024")
    disk.mount("allow_other")
    disk.shell(
      """
      for mode in 6777 2767; do
        rm -f f; touch f; chmod $mode f
        ! setpriv --reuid=1000 --regid=1000 --clear-groups truncate -s 20G f 2> /dev/null
        test "$(stat -c %a f)" = $mode; cat f; test "$(stat -c %a f)" = $mode
      done
      """)
    disk.unmount()
    disk.expectClean()
  }

  @Test(
    arguments: [
      ("mkfs.ext2 -q -F -b 1024", 17_247_252_480, true), ("mkfs.ext2 -q -F -b 4096", 2_196_873_666_560, true),
      ("mkfs.ext4 -q -F -b 4096 -O ^huge_file", 2_199_023_251_456, false),
      ("mkfs.ext4 -q -F -b 4096", 17_592_186_040_320, false),
    ] as [(String, Int, Bool)])
  func `a write across the limit is short, and nothing is beyond it`(make: String, limit: Int, isMapped: Bool)
  {
    let disk = MountedImage(make: make)
    disk.mount()
    disk.shell(
      """
      python3 - <<'P'
      import ctypes, errno, os
      limit, is_mapped = \(limit), \(isMapped ? "True" : "False")
      f = os.open('f', os.O_RDWR | os.O_CREAT)
      fallocate = ctypes.CDLL(None, use_errno=True).fallocate
      fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
      def error(action):
          try:
              action()
              return 0
          except OSError as failure:
              return failure.errno
      assert os.pwrite(f, b'x' * 2000, limit - 1000) == 1000
      assert error(lambda: os.pwrite(f, b'x', limit)) == errno.EFBIG
      assert error(lambda: os.truncate(f, limit + 1)) == errno.EFBIG
      assert fallocate(f, 16, limit - 4096, 8192) == -1 and ctypes.get_errno() == errno.EFBIG
      # A hole beyond the end changes nothing, as far as the file system's own limit.
      assert not is_mapped or fallocate(f, 3, limit, 4096) == 0
      assert os.fstat(f).st_size == limit and os.pread(f, 4096, limit - 1000) == b'x' * 1000
      os.truncate(f, limit)
      os.truncate(f, 0)
      P
      """)
    disk.unmount()
    disk.expectClean()
  }
}

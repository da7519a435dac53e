import Foundation
import Testing

extension DebianGuestTests {
  /// `--shmem`: memory of two guests and of the host.
  struct SharedMemoryTests {
    private static let name = "/t3-\(getpid())"

    /// Says what `statements` of Python print, with the memory as `m`, and a function that waits for a byte.
    private static func script(_ statements: String) -> String {
      """
      for f in /sys/bus/pci/devices/*; do [ "$(cat $f/device)" = 0x1110 ] && d=$f; done
      echo 1 > $d/enable
      say answer "$(python3 - $d/resource2 << 'END'
      import mmap, sys, time
      file = open(sys.argv[1], "r+b")
      m = mmap.mmap(file.fileno(), 1 << 20)
      def wait(offset, value):
          end = time.time() + 300
          while m[offset] != value and time.time() < end: time.sleep(0.01)
      \(statements)
      END
      )"
      """
    }

    @Test func `two guests and the host see what each of them writes`() throws {
      let path = "/dev/shm\(Self.name)"
      defer { try? FileManager.default.removeItem(atPath: path) }
      let options = ["-m", "256", "--shmem", "pci:0xc8000000:1M:handle=\(Self.name):create"]
      let first = Self.script(
        """
        m[4096:4101] = b"first"
        m[0] = 1
        wait(1, 2)
        print(m[1048570:].decode())
        """)
      let second = Self.script(
        """
        wait(0, 1)
        m[1048570:] = b"second"
        m[1] = 2
        print(m[4096:4101].decode())
        """)
      let one = try LkvmProcess(GuestReport.arguments(options, script: first))
      let two = try GuestReport(options, script: second)
      #expect(try two.value("answer") == "first", "\(two.console.suffix(2000))")
      let report = try GuestReport(one, within: GuestReport.limit)
      #expect(try report.value("answer") == "second", "\(report.console.suffix(2000))")
      let contents = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(contents.count == 1 << 20)
      #expect(contents[4096..<4101] == Data("first".utf8) && contents.suffix(6) == Data("second".utf8))
    }
  }
}

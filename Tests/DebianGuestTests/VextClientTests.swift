import Foundation
import HostSystem
import Testing

extension DebianGuestTests {
  /// The user-space end of the vext queue, in an unmodified guest.
  struct VextClientTests {
    private static let writtenByteCount = 32 << 20
    private static let seed: UInt64 = 7

    /// One guest in which everything happens, since a boot takes long.
    private struct Session {
      let report: GuestReport
      /// Whether the image had what was written and flushed, while the guest still ran.
      let arrived: Bool

      init() throws {
        let folder = try TemporaryFolder()
        let image = try folder.image("vext", mebibytes: 64)
        let length = VextClientTests.writtenByteCount
        let seed = VextClientTests.seed
        let script = """
          io=/host\(VirtualHost.vextIO.path(percentEncoded: false))
          try() { name=$1; shift; "$io" "$@" > /tmp/out 2>&1; say "$name" "$?"; say "$name-said" "$(cat /tmp/out)"; }
          try no-such-device identify --device 0000:00:1f.0
          try fallback identify
          echo 16 > /proc/sys/vm/nr_hugepages
          try identify identify
          try write write --length \(length) --block 64k --depth 4 --queues 4 --pattern \(seed) --flush
          say written yes
          read answer
          try read read --length \(length) --block 64k --depth 4 --queues 4 --verify \(seed)
          try copied read --length 8M --block 1M --depth 2 --queues 2 --verify \(seed) --copied
          try lists read --length \(length) --block 1M --depth 2 --queues 2 --verify \(seed) --small-pages
          try wrong read --length 1M --block 64k --verify 8
          try zeroes discard --zero --offset \(length) --length 1M
          try last read --offset 63M --length 1M
          "$io" write --offset 40M --length 16M --block 64k --depth 8 --queues 4 --count 1000000 > /dev/null 2>&1 &
          load=$!
          sleep 3
          kill -0 $load && say loaded yes
          try second identify
          kill -9 $load
          try again write --offset 40M --length 16M --block 64k --depth 8 --queues 4 --pattern 11 --flush
          try whole read --length \(length) --block 64k --depth 4 --verify \(seed)
          try rewritten read --offset 40M --length 16M --block 256k --depth 4 --verify 11
          sleep 1
          say guardians "$(grep -l vext-guardian /proc/[0-9]*/comm 2> /dev/null | wc -l)"
          say ready yes
          read answer
          try cut read --offset 48M --length 4k
          try sound read --length 1M --verify \(seed)
          exit 0
          """
        let guest = try LkvmProcess(
          GuestReport.arguments(
            ["-c", "1", "-m", "768", "-n", "mode=none", "--vext", "\(image),queues=4"], script: script))
        try guest.wait(for: "@written=yes@", within: GuestReport.limit)
        arrived =
          try folder.bytes("vext", count: length) == VextClientTests.pattern(seed, byteCount: length)
        try guest.type("\n")
        try guest.wait(for: "@ready=yes@", within: GuestReport.limit)
        try FileHandle(forWritingTo: URL(filePath: image)).truncate(atOffset: 16 << 20)
        try guest.type("\n")
        report = try GuestReport(guest)
      }

      /// What one call printed, and that it ended with `code`.
      func said(_ name: String, code: Int = 0) throws -> String {
        let said = try report.value("\(name)-said")
        #expect(try report.number(name) == code, "\(name): \(said)")
        return said
      }
    }
    private static let session = Result { try Session() }

    /// What `vext-io write --pattern SEED` writes to the disk's start.
    private static func pattern(_ seed: UInt64, byteCount: Int) -> Data {
      var random = SplitMix64(seed: seed)
      let words = (0..<byteCount / 8).map { _ in random.next() }
      return unsafe words.withUnsafeBytes { unsafe Data($0) }
    }

    @Test func `the device is found and identified`() throws {
      let said = try Self.session.get().said("identify")
      #expect(said.contains("capacity=\(64 << 20)"))
      #expect(said.contains("queues=4"))
      #expect(said.contains("flags=discard,write-zeroes"))
      #expect(try Self.session.get().said("no-such-device", code: 1).contains("no such vext function"))
    }

    @Test func `memory is huge pages where there are some, and says when it is not`() throws {
      let session = try Self.session.get()
      let huge = try session.said("identify")
      #expect(huge.contains("memory=huge pages") && huge.contains("pin=pinned by io_uring"), "\(huge)")
      let fallback = try session.said("fallback")
      #expect(fallback.contains("memory=ordinary pages"), "\(fallback)")
      #expect(fallback.contains("pin=pinned by io_uring"), "\(fallback)")
    }

    @Test func `what four queues of four threads wrote and flushed is in the image, and reads back`() throws {
      let session = try Self.session.get()
      _ = try session.said("write")
      #expect(session.arrived)
      for name in ["read", "copied", "lists", "zeroes", "last"] { _ = try session.said(name) }
      #expect(try session.said("wrong", code: 1).contains("not the pattern's"))
    }

    @Test func `a second process gets an error that the device is in use`() throws {
      let session = try Self.session.get()
      #expect(try session.report.value("loaded") == "yes")
      #expect(try session.said("second", code: 1).contains("in use"))
    }

    @Test func `after a kill under load the next process has a sound device and intact data`() throws {
      let session = try Self.session.get()
      for name in ["again", "whole", "rewritten"] { _ = try session.said(name) }
      #expect(try session.report.number("guardians") == 0)
    }

    @Test func `a failure of the host's storage is EIO, and the rest of the disk is served`() throws {
      let session = try Self.session.get()
      #expect(try session.said("cut", code: 1).contains("Input/output error"))
      _ = try session.said("sound")
      #expect(session.report.exitCode == 0)
    }
  }
}

import Foundation
import Testing

extension DebianGuestTests {
  /// How notifications come to virtio devices, and by which interface.
  struct TransportTests {
    private static let requestCount = 1024

    /// A guest that writes 64 MiB to its disk, and lkvm's figures of it.
    private struct Writer {
      let report: GuestReport
      let figures: [String: Int]

      init(_ options: [String]) throws {
        let folder = try TemporaryFolder()
        let image = try folder.image("disk", mebibytes: 64, zeroes: true)
        let statistics = folder.file("statistics")
        report = try GuestReport(
          ["-c", "1", "-m", "512", "-n", "mode=none", "-d", image, "--stats-file", statistics] + options,
          script: """
            dd if=/dev/zero of=/dev/vda bs=64k count=\(requestCount) oflag=direct > /dev/null 2>&1
            say written "$?"
            say transport "$(cat /sys/bus/pci/devices/0000:00:01.0/device)"
            """)
        figures = try JSONDecoder().decode([String: Int].self, from: folder.bytes("statistics"))
      }
    }
    private static let byEventDescriptor = Result { try Writer([]) }
    private static let byUserSpace = Result { try Writer(["--no-ioeventfd"]) }

    @Test func `without ioeventfd each request of 64 MiB of writes returns to user space, and with it none`()
      throws
    {
      let with = try Self.byEventDescriptor.get()
      let without = try Self.byUserSpace.get()
      #expect(try with.report.value("written") == "0")
      #expect(try without.report.value("written") == "0")
      let withCount = try #require(with.figures["user_exits"])
      let withoutCount = try #require(without.figures["user_exits"])
      // The start makes many exits too, and never quite as many.
      #expect(withoutCount - withCount > Self.requestCount / 2, "\(with.figures) \(without.figures)")
      #expect(try #require(with.figures["vmexits"]) > Self.requestCount)
    }

    @Test func `figures tell the start's milestones and the memory`() throws {
      let figures = try Self.byEventDescriptor.get().figures
      let first = try #require(figures["exec_to_first_instruction_us"])
      let start = try #require(figures["exec_to_init_us"])
      #expect(first > 0 && start > first)
      #expect(try #require(figures["resident_beyond_guest_ram_kib"]) > 0)
    }

    @Test func `a guest has its disk and its root over the legacy interface`() throws {
      let guest = try Writer(["--virtio-transport", "pci-legacy"])
      #expect(try guest.report.value("written") == "0")
      // A transitional block device.
      #expect(try guest.report.value("transport") == "0x1001")
      #expect(try Self.byEventDescriptor.get().report.value("transport") == "0x1042")
    }
  }
}

import Foundation
import Testing

extension DebianGuestTests {
  /// A running guest, controlled by the other commands of lkvm. One guest serves all tests here; they run in order.
  @Suite(.serialized) struct ControlTests {
    private static let name = "t3-control"

    /// A guest that prints a line ten times a second, with its clock and memory, while fio verifies a disk.
    private struct Controlled {
      let folder: TemporaryFolder
      let guest: LkvmProcess

      init() throws {
        folder = try TemporaryFolder()
        let image = try folder.image("disk", mebibytes: 16)
        let script = """
          say rng "$(cat /sys/class/misc/hw_random/rng_current)"
          say entropy "$(head -c 64 /dev/hwrng | wc -c)"
          # Memory that was in use once, for the balloon to take.
          dd if=/dev/zero of=/dev/shm/used bs=1M count=300 2> /dev/null; rm /dev/shm/used
          while [ ! -e /tmp/end ]; do
            read uptime rest < /proc/uptime
            read label total unit < /proc/meminfo
            echo "tick $uptime $total"
            sleep 0.1
          done &
          fio --name=verify --filename=/dev/vda --rw=randwrite --bs=4k --size=4m --iodepth=4 --ioengine=libaio \\
            --direct=1 --verify=crc32c --verify_fatal=1 --rate_iops=30 > /tmp/fio 2>&1
          say fio "$?"
          wait
          """
        guest = try LkvmProcess(
          GuestReport.arguments(
            ["--name", ControlTests.name, "-c", "2", "-m", "768", "--balloon", "--rng", "-d", image],
            script: script))
        try guest.wait(for: "\ntick ", count: 3, within: GuestReport.limit)
      }

      /// The complete lines that the guest printed: seconds since its start, and MemTotal in KiB.
      var ticks: [(uptime: Double, memoryKiB: Int)] {
        guest.output.split(separator: "\n").dropLast().compactMap { line in
          let words = line.split(separator: " ")
          guard words.count == 3, words[0] == "tick", let uptime = Double(words[1]),
            let memory = Int(words[2])
          else { return nil }
          return (uptime, memory)
        }
      }

      var memoryMiB: Int { (ticks.last?.memoryKiB ?? 0) / 1024 }

      /// lkvm's resident memory.
      func residentMiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(guest.identifier)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
          throw TestFailure("no VmRSS in \(status)")
        }
        return kibibytes / 1024
      }

      /// Runs `lkvm ARGUMENTS --name NAME`, which must succeed, and answers what it printed.
      @discardableResult
      func lkvm(_ arguments: String...) throws -> String {
        try VirtualHost.run([VirtualHost.lkvm.path] + arguments + ["--name", ControlTests.name])
      }
    }
    private static let controlled = Result { try Controlled() }

    @Test func `the entropy device feeds hwrng`() throws {
      let guest = try Self.controlled.get().guest
      #expect(guest.output.contains("@rng=virtio_rng"))
      #expect(guest.output.contains("@entropy=64@"))
    }

    @Test func `list names the guest with its process and state`() throws {
      let guest = try Self.controlled.get().guest
      let line = try VirtualHost.run(VirtualHost.lkvm.path, "list").split(separator: "\n")
        .first { $0.contains(Self.name) }
      let words = try #require(line).split(separator: " ").map(String.init)
      #expect(words.contains("\(guest.identifier)"))
      #expect(words.last == "running")
    }

    @Test func `a second guest of the same name is refused`() throws {
      _ = try Self.controlled.get()
      let second = try LkvmProcess(["run", "--name", Self.name, "-m", "512"])
      #expect(try second.waitForEnd(within: .seconds(60)) == 1)
      #expect(second.errors.contains("--name"))
      #expect(second.errors.split(separator: "\n").count == 1)
    }

    @Test func `pause stops the guest, and resume goes on without a jump of its clock`() throws {
      let controlled = try Self.controlled.get()
      try controlled.lkvm("pause")
      // What was on its way arrives.
      Thread.sleep(forTimeInterval: 0.5)
      let before = controlled.ticks
      Thread.sleep(forTimeInterval: 8)
      #expect(controlled.ticks.count == before.count)
      let again = try LkvmProcess(["pause", "--name", Self.name])
      _ = try again.waitForEnd(within: .seconds(60))
      #expect((again.output + again.errors).contains("paused"))

      try controlled.lkvm("resume")
      try controlled.guest.wait("no further tick", within: .seconds(60)) {
        controlled.ticks.count >= before.count + 3
      }
      let after = controlled.ticks[before.count]
      #expect(after.uptime - (before.last?.uptime ?? 0) < 4, "the guest's clock ran while it was paused")
    }

    @Test func `the balloon takes memory from the guest and gives it back`() throws {
      let controlled = try Self.controlled.get()
      let (memory, resident) = (controlled.memoryMiB, try controlled.residentMiB())
      try controlled.lkvm("balloon", "--inflate", "256")
      try controlled.guest.wait("MemTotal did not shrink", within: .seconds(120)) {
        controlled.memoryMiB <= memory - 250
      }
      try controlled.guest.wait("resident memory did not shrink", within: .seconds(20)) {
        try controlled.residentMiB() <= resident - 100
      }
      let statistics = try controlled.lkvm("stat", "--memory")
      #expect(statistics.lowercased().contains("free"))
      #expect(statistics.contains { $0.isNumber })
      try controlled.lkvm("balloon", "--deflate", "256")
      try controlled.guest.wait("MemTotal did not grow back", within: .seconds(120)) {
        controlled.memoryMiB >= memory - 5
      }
    }

    @Test func `debug prints registers, code and the page-table walk of each vCPU`() throws {
      let dump = try Self.controlled.get().lkvm("debug", "--dump").lowercased()
      for word in ["rip", "rsp", "cr3", "efer", "code", "pml4"] {
        #expect(dump.contains(word), "no \(word) in:\n\(dump)")
      }
      #expect(dump.contains("vcpu 0") && dump.contains("vcpu 1"))
    }

    @Test func `an NMI and a sysrq reach the kernel`() throws {
      let controlled = try Self.controlled.get()
      try controlled.lkvm("debug", "--nmi", "0")
      try controlled.guest.wait(for: "NMI received for unknown reason", within: .seconds(30))
      try controlled.lkvm("debug", "--sysrq", "h")
      try controlled.guest.wait(for: "sysrq: HELP", within: .seconds(30))
    }

    @Test func `what the guest wrote meanwhile is complete, and stop ends it`() throws {
      let controlled = try Self.controlled.get()
      try controlled.guest.wait(for: "@fio=0@", within: GuestReport.limit)
      try controlled.lkvm("stop")
      #expect(try controlled.guest.waitForEnd(within: .seconds(30)) == 0)
      let list = try VirtualHost.run(VirtualHost.lkvm.path, "list")
      #expect(!list.contains(Self.name))
      let home = ProcessInfo.processInfo.environment["HOME"] ?? ""
      #expect(!FileManager.default.fileExists(atPath: "\(home)/.lkvm/\(Self.name).sock"))
    }
  }
}

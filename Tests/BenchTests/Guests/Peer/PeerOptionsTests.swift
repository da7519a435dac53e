import ArgumentParser
import Foundation
import Hypervisor
import Testing

@testable import Bench

struct PeerOptionsTests {
  private func configuration(_ arguments: [String]) throws -> RunConfiguration {
    let command = try RunCommand.parse(arguments)
    return command.runConfiguration(
      diskByteCount: nil, seed: 42, decision: command.likelyDecision, kernel: "/boot/k")
  }

  @Test("without --vmm everything runs in machines of our own")
  func defaults() throws {
    let configuration = try configuration([])
    #expect(configuration.vmms == [.builtin])
    #expect(configuration.vmmPath == nil)
  }

  @Test("QEMU alone is compared by the one mode that it has")
  func defaultMode() throws {
    #expect(try configuration(["--vmm", "qemu"]).modes == [.virtioBlock])
    #expect(try configuration(["--vmm", "builtin,qemu"]).modes == DataPathMode.defaults)
  }

  @Test("a list of VMMs is crossed with the modes, and modes that a VMM lacks are left out and named")
  func crossed() throws {
    let configuration = try configuration([
      "--guest", "linux", "--vmm", "builtin", "--vmm", "qemu", "--mode", "virtio-blk,virtio-blk-poll", "--fs",
      "none",
    ])
    #expect(configuration.paths.map(\.name) == ["virtio-blk", "virtio-blk-poll", "qemu:virtio-blk"])
    #expect(configuration.pathsLeftOut.map(\.name) == ["qemu:virtio-blk-poll"])
    #expect(RunPlan(configuration).cells.map(\.vmm).filter { $0 == .qemu }.count == 1)
  }

  @Test("a path in another VMM says so in front of its mode")
  func names() {
    #expect(DataPath(.virtioBlock, .ext4, vmm: .qemu).name == "qemu:virtio-blk/ext4")
    #expect(DataPath(.virtioBlock, vmm: .kvmtool).name == "kvmtool:virtio-blk")
    #expect(DataPath(.virtioBlock) != DataPath(.virtioBlock, vmm: .qemu))
  }

  @Test(
    "what another VMM cannot do is refused in one line that names the option",
    arguments: [
      (["--vmm", "qemu", "--mode", "vext"], "--mode vext needs --vmm builtin: qemu has virtio-blk only"),
      (["--vmm", "qemu", "--mode", "virtio-blk-poll"], "--mode virtio-blk-poll needs --vmm builtin"),
      (["--vmm", "builtin,qemu", "--mode", "vext"], "--vmm qemu needs --mode virtio-blk"),
      (["--vmm", "qemu,qemu"], "--vmm names a VMM twice"),
      (["--vmm", "xen"], "xen"),
      (["--vmm", "qemu,vext"], "--vmm vext is now called --vmm builtin"),
      (["--vmm", "lkvm"], "--vmm lkvm is now called --vmm kvmtool"),
      (["--vmm", "qemu", "--engine", "sync"], "--engine sync with --vmm qemu"),
      (["--vmm", "qemu", "--no-direct"], "aio=native needs O_DIRECT"),
      (["--vmm", "qemu", "--io-threads", "2"], "--io-threads 2 with --vmm qemu"),
      (["--vmm", "kvmtool", "--guest", "linux"], "--vmm kvmtool needs --vmm-path"),
      (["--vmm", "kvmtool", "--vmm-path", "/l"], "--vmm kvmtool needs --guest linux"),
      (
        ["--vmm", "kvmtool", "--vmm-path", "/l", "--guest", "linux", "--engine", "io_uring"],
        "kvmtool has libaio only"
      ),
      (["--vmm-path", "/q"], "--vmm-path needs --vmm"),
      (
        ["--vmm", "qemu,kvmtool", "--vmm-path", "/q", "--guest", "linux"],
        "--vmm-path needs --vmm with one of"
      ),
    ] as [([String], String)])
  func refusals(arguments: [String], message: String) {
    let error = #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(["run"] + arguments) }
    let text = error.map(BenchCommand.message(for:)) ?? ""
    #expect(text.contains(message))
    #expect(error.map(BenchCommand.exitCode(for:)) == .validationFailure)
  }

  @Test("io_uring needs no O_DIRECT under QEMU, and null no file at all")
  func engines() throws {
    try configuration(["--vmm", "qemu", "--engine", "io_uring", "--no-direct"]).validate()
    try configuration(["--vmm", "qemu", "--engine", "null"]).validate()
  }

  @Test("a missing program is named with what to do about it")
  func missingPrograms() throws {
    let missing = #expect(throws: BenchFailure.self) {
      try PeerRequirements.program(.kvmtool, path: "/no/such/lkvm")
    }
    #expect(missing?.exitCode == .noInput)
    #expect(missing?.description == "--vmm-path: there is no /no/such/lkvm")
    let notExecutable = #expect(throws: BenchFailure.self) {
      try PeerRequirements.program(.qemu, path: "/etc/passwd")
    }
    #expect(notExecutable?.description == "--vmm-path: /etc/passwd is not an executable file")
    let folder = #expect(throws: BenchFailure.self) { try PeerRequirements.program(.qemu, path: "/usr") }
    #expect(folder?.exitCode == .noPermission)
    let absent = #expect(throws: BenchFailure.self) {
      try PeerRequirements.program(.qemu, path: nil, find: { _ in nil })
    }
    #expect(absent?.description == "qemu-system-x86_64 is not installed (Debian: qemu-system-x86)")
    #expect(absent?.exitCode == .unavailable)
  }

  @Test("the table's notes tell another VMM's version, and where its exits were read")
  func notes() throws {
    var cell = RunFixture.cell
    cell.vmm = .qemu
    var measurement = RunFixture.measurement()
    measurement.peer = PeerRecord(version: "7.2.1", command: ["qemu"], exitSource: .debugfs)
    let boots = try [
      #require(BootSummary(cell: RunFixture.cell, measurements: [RunFixture.measurement()])),
      #require(BootSummary(cell: cell, measurements: [measurement])),
    ]
    let notes = Footnotes.lines(context: RunFixture.context, boots: boots, nativeRoundTrips: [])
    #expect(notes.filter { $0.contains("exits from") } == ["qemu: 7.2.1, exits from debugfs"])
    measurement.peer?.badEnd = "signal 11 ended it"
    let died = try #require(BootSummary(cell: cell, measurements: [measurement]))
    #expect(
      Footnotes.lines(context: RunFixture.context, boots: [died], nativeRoundTrips: [])
        .contains("qemu: 7.2.1, exits from debugfs; signal 11 ended it after its guest's end"))
  }

  @Test("a row of another VMM names it, and does not claim to know what only we count")
  func rows() {
    var cell = RunFixture.cell
    cell.vmm = .qemu
    let record = RunRecord(context: RunFixture.context, cell: cell, measurement: RunFixture.measurement())
    #expect(record.text(\.vmm) == "qemu")
    #expect(record.text(\.userExits) == "")
    #expect(RunFixture.record.text(\.vmm) == "builtin")
    #expect(RunFixture.record.text(\.userExits) == "1001")
  }
}

import Foundation
import Hypervisor
import Testing

@testable import lkvm

/// What is taken from the host where the command line says nothing.
struct HostDefaultsTests {
  @Test(
    arguments: [
      (1, 256), (2, 320), (8, 704), (254, 1638), (1000, 1638),
    ] as [(Int, UInt64)])
  func `memory grows with the vCPUs up to four fifths of the host's`(vcpuCount: Int, mib: UInt64) {
    let host = HostResources(onlineCPUCount: 4, memoryByteCount: 2048 << 20)
    #expect(host.defaultMemoryByteCount(vcpuCount: vcpuCount) == mib << 20)
  }

  @Test func `a host that does not tell its memory gives some`() {
    #expect(
      HostResources(onlineCPUCount: 1, memoryByteCount: 0).defaultMemoryByteCount(vcpuCount: 1) == 1 << 20)
  }

  @Test func `this host has CPUs and memory`() {
    let host = HostResources.current()
    #expect(host.onlineCPUCount >= 1)
    #expect(host.memoryByteCount >= 64 << 20)
  }

  @Test func `a kernel is looked for in a source tree, then in boot`() throws {
    let candidates = KernelSearch.candidates(release: "6.1.0")
    #expect(candidates.first == "./bzImage")
    #expect(candidates.contains("/boot/vmlinuz-6.1.0"))
    let folder = try TemporaryFolder()
    try Data().write(to: URL(filePath: folder.file("b")))
    try Data().write(to: URL(filePath: folder.file("c")))
    #expect(try KernelSearch.find(in: ["a", "b", "c"].map(folder.file)) == folder.file("b"))
    let failure = #expect(throws: GuestRootError.self) { try KernelSearch.find(in: [folder.file("a")]) }
    #expect(failure?.description.hasPrefix("none of \(folder.file("a"))") == true)
    #expect(!KernelSearch.hostRelease().isEmpty)
  }

  /// A link to itself stands for a file without the right to read it, which root has to all.
  @Test func `a kernel that is there and cannot be read is named with the reason`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(atPath: folder.file("loop"), withDestinationPath: "loop")
    let failure = #expect(throws: GuestRootError.self) {
      try KernelSearch.find(in: ["none", "loop", "other"].map(folder.file))
    }
    #expect(failure?.description.hasPrefix("\(folder.file("loop")): cannot read: ") == true)
    try Data().write(to: URL(filePath: folder.file("other")))
    #expect(try KernelSearch.find(in: ["loop", "other"].map(folder.file)) == folder.file("other"))
  }

  @Test(
    arguments: [
      (.poweredOff, nil, false, nil, 0), (.reset, nil, false, nil, 0), (.stopped, nil, false, nil, 0),
      (.poweredOff, 3, true, nil, 3), (.reset, 0, true, nil, 0), (.poweredOff, 143, true, nil, 143),
      // A guest that ends without a word about its command.
      (.poweredOff, nil, true, nil, 70), (.reset, nil, true, nil, 70), (.stopped, nil, true, nil, 0),
      // A status that nobody asked for.
      (.poweredOff, 3, false, nil, 0),
      (.panicked, nil, false, nil, 71), (.tripleFault, nil, false, nil, 70),
      (.crashed("x"), nil, false, nil, 70),
      (.panicked, 0, true, nil, 71),
      (.stopped, nil, false, SIGINT, 130), (.stopped, 0, true, SIGTERM, 143),
      (.poweredOff, 0, true, SIGHUP, 129),
    ] as [(MachineEnd, UInt8?, Bool, Int32?, Int32)])
  func `the exit code shows how the guest ended`(
    end: MachineEnd, status: UInt8?, ranCommand: Bool, signal: Int32?, code: Int32
  ) {
    #expect(
      GuestExit.code(
        end: end, status: status, ranCommand: ranCommand, startFailed: false, signal: signal) == code)
  }

  @Test(
    arguments: [(.poweredOff, nil, 70), (.reset, nil, 70), (.stopped, nil, 0), (.stopped, SIGTERM, 143)]
      as [(MachineEnd, Int32?, Int32)])
  func `a guest whose system could not be started has failed, with a command and without`(
    end: MachineEnd, signal: Int32?, code: Int32
  ) {
    for ranCommand in [false, true] {
      #expect(
        GuestExit.code(
          end: end, status: nil, ranCommand: ranCommand, startFailed: true, signal: signal) == code)
    }
  }
}

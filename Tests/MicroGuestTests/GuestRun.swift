import ArgumentParser
import Foundation
import HostSystem
import Hypervisor
import MicroGuest

@testable import Bench

/// Whether /dev/kvm can be opened; T2 says so when it cannot.
let hasKVM = FileManager.default.isWritableFile(atPath: "/dev/kvm")

/// Whether this host has what `engine` needs.
func isAvailable(_ engine: BlockEngineKind) -> Bool {
  do {
    try engine.checkAvailability()
    return true
  } catch {
    return false
  }
}

extension DataPathMode {
  /// Those that bench serves itself and that this host can run.
  static let available = allCases.filter {
    $0.takesMicroGuests && $0.backEnd == nil && isAvailable($0.engine(.libaio))
  }
  /// Those that another process serves.
  static let servedByOthers = allCases.filter { $0.backEnd != nil }
}

/// One cell of `bench run`, without the files around it: a disk of its own, real machines, one window.
struct GuestRun {
  let configuration: RunConfiguration
  let disk: TemporaryDisk

  /// The run that `bench run ARGUMENTS --disk FILE` would do, on a new file of `diskByteCount` bytes.
  init(_ arguments: String, diskByteCount: Int = 4 << 20) throws {
    disk = try TemporaryDisk(byteCount: diskByteCount)
    let words = arguments.split(separator: " ").map(String.init)
    let command = try RunCommand.parse(["--disk", disk.path] + words)
    configuration = command.runConfiguration(
      diskByteCount: UInt64(diskByteCount), seed: 42, decision: GuestDecision(kind: .micro, reason: ""))
    try configuration.validate()
  }

  /// Boots, measures and ends the guests.
  func measure(_ mode: DataPathMode, in vmm: VMM = .builtin) throws -> [CellMeasurement] {
    let runner = try CellRunner(
      configuration, scratchFolder: "/tmp", backend: HostDescription.capture().kvmBackend)
    let paths = [String](repeating: disk.path, count: configuration.guestCount)
    return try runner.run(
      RunCell(index: 0, mode: mode, vmm: vmm, repetition: 1, seed: 42), diskPaths: paths,
      watch: InterruptionWatch())
  }
}

/// A file of random-looking bytes that goes when the last user has gone.
final class TemporaryDisk: Sendable {
  let path: String

  init(byteCount: Int) throws {
    path = NSTemporaryDirectory() + "vext-t2-\(UUID().uuidString).disk"
    var random = SplitMix64(seed: 1)
    var data = Data(capacity: byteCount)
    for _ in 0..<byteCount / 8 {
      unsafe withUnsafeBytes(of: random.next()) { unsafe data.append(contentsOf: $0) }
    }
    try data.write(to: URL(fileURLWithPath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

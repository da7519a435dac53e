import Foundation
import Hypervisor

/// How rows are written as CSV: RFC 4180 quoting, a header line, lines that end with a single line feed.
enum CSVSchema {
  /// The header line, without its line end.
  static let header = RunRecord.CodingKeys.allCases.map { quoted($0.rawValue) }.joined(separator: ",")

  /// The line of `record`, without its line end.
  static func line(_ record: RunRecord) -> String {
    RunRecord.CodingKeys.allCases.map { quoted(record.field($0)) }.joined(separator: ",")
  }

  /// `field` as it stands in a line: in quotes if it holds a comma, a quote or a line end, its quotes doubled.
  static func quoted(_ field: String) -> String {
    let needsQuotes = field.unicodeScalars.contains { [",", "\"", "\n", "\r"].contains($0) }
    return needsQuotes ? "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : field
  }
}

extension RunRecord {
  /// The text of one column, not yet quoted. What is unknown is empty.
  func field(_ column: CodingKeys) -> String {
    switch column {
    case .schemaVersion: String(schemaVersion)
    case .runID: runID
    case .startedAt: startedAt
    case .gitRevision: gitRevision
    case .isDirty: isDirty.map(String.init) ?? ""
    case .hostCPU: hostCPU
    case .hostKernel: hostKernel
    case .kvmBackend: kvmBackend.rawValue
    case .isTimingValid: String(isTimingValid)
    case .numaNodes: String(numaNodes)
    case .mode: mode.rawValue
    case .vmm: vmm
    case .guest: guest.rawValue
    case .guests: String(guests)
    case .workers: String(workers)
    case .pollers: String(pollers)
    case .engine: engine.rawValue
    case .rw: rw
    case .blockBytes: String(blockBytes)
    case .iodepth: String(iodepth)
    case .direct: String(direct)
    case .diskBytes: String(diskBytes)
    case .runtimeSeconds: Self.decimal(runtimeSeconds, digits: 3)
    case .pollerCPUs: pollerCPUs
    case .vcpuCPUs: vcpuCPUs
    case .numaNode: numaNode.map(String.init) ?? ""
    case .isOversubscribed: String(isOversubscribed)
    case .ios: String(ios)
    case .iops: Self.decimal(iops, digits: 3)
    case .bandwidthMiBPerSecond: Self.decimal(bandwidthMiBPerSecond, digits: 3)
    case .latencyMeanMicroseconds: Self.decimal(latencyMeanMicroseconds, digits: 3)
    case .latencyP50Microseconds: Self.decimal(latencyP50Microseconds, digits: 3)
    case .latencyP90Microseconds: Self.decimal(latencyP90Microseconds, digits: 3)
    case .latencyP99Microseconds: Self.decimal(latencyP99Microseconds, digits: 3)
    case .latencyP99_9Microseconds: Self.decimal(latencyP99_9Microseconds, digits: 3)
    case .latencyMaxMicroseconds: Self.decimal(latencyMaxMicroseconds, digits: 3)
    case .errors: String(errors)
    case .vmexits: String(vmexits)
    case .vmexitsPerIO: Self.decimal(vmexitsPerIO, digits: 9)
    case .ioVMExits: String(ioVMExits)
    case .ioVMExitsPerIO: Self.decimal(ioVMExitsPerIO, digits: 9)
    case .exitsIO: String(exitsIO)
    case .exitsMMIO: String(exitsMMIO)
    case .exitsHalt: String(exitsHalt)
    case .exitsHypercall: String(exitsHypercall)
    case .exitsIRQ: String(exitsIRQ)
    case .irqInjections: String(irqInjections)
    case .userExits: userExits.map { String($0) } ?? ""
    case .pollerCPUSeconds: Self.decimal(pollerCPUSeconds, digits: 6)
    case .vcpuCPUSeconds: Self.decimal(vcpuCPUSeconds, digits: 6)
    case .iopsPerCPUSecond: Self.decimal(iopsPerCPUSecond, digits: 3)
    case .repetition: String(repetition)
    case .guestIndex: String(guestIndex)
    case .regionBytes: String(regionBytes)
    case .warmupSeconds: Self.decimal(warmupSeconds, digits: 3)
    case .requestLimit: String(requestLimit)
    case .windowSeconds: Self.decimal(windowSeconds, digits: 6)
    case .verify: String(verify)
    case .verifiedBlocks: String(verifiedBlocks)
    case .verifyErrors: String(verifyErrors)
    case .seed: String(seed)
    case .fileSystem: fileSystem.rawValue
    case .guestKernel: guestKernel
    case .fioVersion: fioVersion
    case .fioEngine: fioEngine
    case .fioJob: fioJob
    case .idleVMExitsPerSecond: Self.decimal(idleVMExitsPerSecond, digits: 3)
    case .idleIOVMExitsPerSecond: Self.decimal(idleIOVMExitsPerSecond, digits: 3)
    case .computingVMExitsPerSecond: Self.decimal(computingVMExitsPerSecond, digits: 3)
    case .computingIOVMExitsPerSecond: Self.decimal(computingIOVMExitsPerSecond, digits: 3)
    case .ioVMExitsPerIOBeyondIdle: Self.decimal(ioVMExitsPerIOBeyondIdle, digits: 9)
    case .ioVMExitsPerIOBeyondComputing: Self.decimal(ioVMExitsPerIOBeyondComputing, digits: 9)
    case .thinkTimeSeconds: Self.decimal(thinkTimeSeconds, digits: 6)
    case .busyGuests: String(busyGuests)
    case .pollerCPUShare: Self.decimal(pollerCPUShare, digits: 4)
    case .vcpuCPUShare: Self.decimal(vcpuCPUShare, digits: 4)
    case .stealShare: Self.decimal(stealShare, digits: 4)
    case .otherShare: Self.decimal(otherShare, digits: 4)
    case .throttledSeconds: Self.decimal(throttledSeconds, digits: 6)
    case .mixedCores: mixedCores.map { String($0) } ?? ""
    case .clockStepSeconds: Self.decimal(clockStepSeconds, digits: 6)
    case .fioGroup: fioGroup ?? ""
    case .fioBlockSizes: fioBlockSizes ?? ""
    case .fioJobCount: fioJobCount.map { String($0) } ?? ""
    case .fioThread: fioThread.map { String($0) } ?? ""
    case .fioRate: fioRate ?? ""
    }
  }

  private static func decimal(_ value: Double?, digits: Int) -> String {
    value.map { decimal($0, digits: digits) } ?? ""
  }

  private static func decimal(_ value: Double, digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}

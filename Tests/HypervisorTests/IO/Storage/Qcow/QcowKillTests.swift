import Foundation
import HostSystem
import Testing

@testable import Hypervisor

/// Kills between any two writes, and losses of power: QEMU must find no corruption then, and what was flushed must be there.
@Suite(.enabled("needs qemu-img and qemu-io") { QemuTools.isInstalled })
struct QcowKillTests {
  /// One image in this many of those that a kill can leave is checked; VEXT_QCOW_STRIDE=1 checks all.
  private static let stride = ProcessInfo.processInfo.environment["VEXT_QCOW_STRIDE"].flatMap(Int.init) ?? 97
  private static let stepCount = 150

  /// An image to start from.
  struct Start: CustomStringConvertible, Sendable {
    let options: String
    /// Whether there is a backing file.
    var hasBacking = false
    /// Whether there are a snapshot and compressed clusters.
    var hasHistory = false

    var description: String { "\(options)\(hasBacking ? " backing" : "")\(hasHistory ? " history" : "")" }
  }

  static let starts = [
    Start(options: "cluster_size=512,refcount_bits=64"),
    Start(options: "cluster_size=4k", hasBacking: true),
    Start(options: "cluster_size=1k,refcount_bits=8", hasHistory: true),
    Start(options: "compat=0.10,cluster_size=2k", hasBacking: true, hasHistory: true),
  ]

  private static func make(_ start: Start, in folder: TemporaryFolder) throws {
    let path = folder.file("image")
    var arguments = ["create", "-q", "-f", "qcow2", "-o", start.options]
    if start.hasBacking {
      try QemuTools.image("create", "-q", "-f", "raw", folder.file("base"), "200k")
      try QemuTools.io(folder.file("base"), format: "raw", ["write -P 0x11 16k 150k"])
      arguments += ["-b", "base", "-F", "raw"]
    }
    try QemuTools.run("qemu-img", arguments + [path, "256k"])
    try QemuTools.io(path, format: "qcow2", ["write -P 0x33 40k 30k"])
    guard start.hasHistory else { return }
    try QemuTools.io(path, format: "qcow2", ["write -c -P 0x55 128k 32k"])
    try QemuTools.image("snapshot", "-c", "before", path)
    try QemuTools.io(path, format: "qcow2", ["write -P 0x77 60k 30k"])
  }

  /// Carries out the script on `file` until it ends or is killed.
  private static func run(_ file: QcowMemoryFile, _ folder: TemporaryFolder, _ initial: HostBuffer) throws
    -> QcowModel
  {
    let model = QcowModel(HostBuffer(initial.bytes(initial.all)), seed: 11, lengthLimit: 12 << 10)
    do {
      let header = try QcowHeader(file)
      let image = try QcowImage(file, header: header, backing: try backing(folder, header), isWritable: true)
      for _ in 0..<stepCount { try model.step(image) }
      try image.close()
    } catch {
      guard file.wasKilled else { throw error }
    }
    return model
  }

  private static func backing(_ folder: TemporaryFolder, _ header: QcowHeader) throws -> QcowBacking {
    guard header.backingName != nil else { return .none }
    let base = QcowMemoryFile(try folder.contents("base"))
    return .raw(base, byteCount: try base.byteCount())
  }

  /// What a crash left: QEMU finds leaks at most, and no sector has lost what was flushed.
  private static func check(_ left: HostBuffer, _ model: QcowModel, _ folder: TemporaryFolder) throws {
    try folder.write("left", left)
    try QemuTools.check(folder.file("left"), leaksAllowed: true)
    let found = try folder.open("left").contents()
    let lost = model.firstLostSector(in: found)
    #expect(lost == nil)
  }

  /// What a crash left takes further requests.
  private static func goOn(_ folder: TemporaryFolder) throws {
    let image = try folder.open("left", isWritable: true)
    let model = QcowModel(try image.contents(), seed: 13, lengthLimit: 12 << 10)
    for _ in 0..<20 { try model.step(image) }
    try image.close()
    try QemuTools.check(folder.file("left"), leaksAllowed: true)
    #expect(try image.contents().hasSameBytes(as: model.contents))
  }

  @Test(arguments: starts)
  func `a kill after any write leaves an image without corruption, with everything that was flushed`(
    start: Start
  ) throws {
    let folder = try TemporaryFolder()
    try Self.make(start, in: folder)
    let before = try folder.contents("image")
    let initial = try folder.open("image").contents()
    let whole = QcowMemoryFile(before)
    let model = try Self.run(whole, folder, initial)
    try Self.check(whole.afterKill, model, folder)
    #expect(whole.writeCount > 150)
    for count in Swift.stride(from: 0, to: whole.writeCount, by: Self.stride) {
      let file = QcowMemoryFile(before, killAfter: count)
      let model = try Self.run(file, folder, initial)
      #expect(file.wasKilled)
      try Self.check(file.afterKill, model, folder)
    }
  }

  @Test(arguments: starts)
  func `a loss of power after any write leaves an image without corruption, with everything that was flushed`(
    start: Start
  ) throws {
    let folder = try TemporaryFolder()
    try Self.make(start, in: folder)
    let before = try folder.contents("image")
    let initial = try folder.open("image").contents()
    let whole = QcowMemoryFile(before)
    _ = try Self.run(whole, folder, initial)
    var random = SplitMix64(seed: 5)
    for count in Swift.stride(from: 8, to: whole.writeCount, by: Self.stride) {
      let file = QcowMemoryFile(before, killAfter: count)
      let model = try Self.run(file, folder, initial)
      try Self.check(file.afterPowerLoss(&random), model, folder)
      try Self.goOn(folder)
    }
  }
}

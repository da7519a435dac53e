import Foundation
import HostSystem

/// A file system that is mounted on an image, and unmounted with this object. One thread.
final class MountedFileSystem {
  /// Where.
  let path: String
  private let fileSystem: HostFileSystem
  private var server: FileSystemServer?

  /// How long mounting and unmounting may take.
  private static let limitNanoseconds: UInt64 = 30_000_000_000

  /// Mounts the image.
  ///
  /// - Parameters:
  ///   - path: The mount point, an empty folder, without links on the way.
  ///   - programs: The programs in FUSE.
  /// - Throws: ``BenchFailure``, or ``RunInterruption`` if `watch` said so. Nothing is mounted then.
  init(
    _ fileSystem: HostFileSystem, image: String, at path: String, programs: FileSystemPrograms,
    watch: InterruptionWatch
  ) throws {
    self.fileSystem = fileSystem
    self.path = path
    if let program = programs.path(of: fileSystem) {
      try serve([program, "-f"] + fileSystem.options + [image, path], watch: watch)
    } else {
      try mountByKernel(image)
    }
  }

  deinit { abandon() }

  /// CPU time of the program in FUSE so far; 0 for the kernel's file systems.
  var serverNanoseconds: UInt64 { server?.cpuNanoseconds ?? 0 }

  private func serve(_ words: [String], watch: InterruptionWatch) throws {
    let server = try FileSystemServer(words)
    self.server = server
    let deadline = HostClock.monotonicNanoseconds() + Self.limitNanoseconds
    while !Self.isMounted(path) {
      if watch.isInterrupted { throw RunInterruption() }
      guard try server.isRunning(), HostClock.monotonicNanoseconds() < deadline else {
        throw BenchFailure(
          "\(fileSystem.rawValue) cannot be mounted: \(server.lastWords)", exitCode: .unavailable)
      }
      HostClock.sleep(nanoseconds: 1_000_000)
    }
  }

  /// mount(8) makes the loop device such that it is freed with the mount.
  private func mountByKernel(_ image: String) throws {
    let run = try CommandRun(["mount", "-t", "ext4", "-o", "loop", image, path])
    guard run.exitCode == 0 else {
      throw BenchFailure("ext4 cannot be mounted: \(run.output)", exitCode: .unavailable)
    }
    let files = KernelFiles(root: "/")
    guard let device = Self.mount(path)?.source, device.hasPrefix("/dev/loop") else {
      throw BenchFailure("ext4 on \(path) has no loop device", exitCode: .unavailable)
    }
    let isDirect = fileSystem == .ext4
    let change = try CommandRun(["losetup", "--direct-io=\(isDirect ? "on" : "off")", device])
    let state = files.word("sys/block/\(device.dropFirst("/dev/".count))/loop/dio")
    guard change.exitCode == 0, state == (isDirect ? "1" : "0") else {
      throw BenchFailure(
        "\(device) cannot use \(image) with --direct-io=\(isDirect ? "on" : "off"): choose a --folder on a disk",
        exitCode: .unavailable)
    }
  }

  /// Unmounts, and waits until everything is on the image.
  ///
  /// - Throws: ``BenchFailure`` if the file system is still in use, or its program fails.
  func unmount() throws {
    if server == nil { try makeReadOnly() }
    let deadline = HostClock.monotonicNanoseconds() + Self.limitNanoseconds
    while Self.isMounted(path) {
      let run = try CommandRun(["umount", path])
      if run.exitCode == 0 { continue }
      guard HostClock.monotonicNanoseconds() < deadline else {
        throw BenchFailure("cannot unmount \(path): \(run.output)", exitCode: .ioError)
      }
      HostClock.sleep(nanoseconds: 20_000_000)
    }
    try server?.waitForEnd()
    server = nil
  }

  /// Makes the file system read-only, which writes its data to the image even if a copy of the mount stays in another namespace.
  private func makeReadOnly() throws {
    let run = try CommandRun(["mount", "-o", "remount,ro", path])
    guard run.exitCode == 0 else {
      throw BenchFailure("cannot write everything back on \(path): \(run.output)", exitCode: .ioError)
    }
  }

  /// Unmounts what is mounted, even if it is in use, and ends its program.
  private func abandon() {
    if Self.isMounted(path) { Self.detach(path) }
    server?.end()
    // A program that mounted after the first look.
    if Self.isMounted(path) { Self.detach(path) }
  }

  /// Unmounts `path`; what is in use goes with its last user.
  static func detach(_ path: String) {
    for words in [["umount", path], ["umount", "--lazy", path]] {
      // What stays is found by the check at the end of the run.
      if let run = try? CommandRun(words), run.exitCode == 0 { return }
    }
  }

  private static func mount(_ path: String) -> MountDescription? {
    let mount = MountDescription(of: path, mounts: KernelFiles(root: "/").lines("proc/self/mountinfo"))
    return mount?.mountPoint == path ? mount : nil
  }

  /// Whether something is mounted at `path` itself.
  static func isMounted(_ path: String) -> Bool { mount(path) != nil }
}

import Foundation
import HostSystem
import SystemPackage

#if canImport(Glibc)
  import Glibc
#endif

/// Mounts and loop devices on images of `bench fs`.
enum FileSystemLeftovers {
  /// How long the kernel may take to free a loop device after its mount.
  private static let limitNanoseconds: UInt64 = 5_000_000_000
  /// The beginning of the name of a run's folder.
  static let stem = "bench-fs"
  /// The name of the mount point in it.
  static let mountName = "mount"

  /// Unmounts what killed runs left in `folder`, so that their folders can be removed without what is mounted in them.
  static func unmountAbandoned(in folder: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix("\(stem).") {
      let path = "\(folder)/\(name)"
      // A run that is alive has its folder locked.
      guard
        let lock = try? FileDescriptor.open(FilePath(path), .readOnly, options: [.directory, .closeOnExec])
      else { continue }
      if flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 {
        let mountPoint = "\(path)/\(mountName)"
        if MountedFileSystem.isMounted(mountPoint) { MountedFileSystem.detach(mountPoint) }
      }
      // Nothing was written through it.
      try? lock.close()
    }
  }

  /// Something that uses the images of a run.
  struct Leftover: Equatable {
    /// The mount point or the loop device.
    let path: String
    /// Whether the kernel frees it without help: a loop device that somebody's copy of the mount still uses, in another mount namespace.
    let isTransient: Bool
  }

  /// Waits until nothing in `folder` is mounted or behind a loop device.
  ///
  /// - Returns: A note for the user if another mount namespace keeps a loop device.
  /// - Throws: ``BenchFailure`` that names what is left.
  static func check(_ folder: String) throws -> [String] {
    let deadline = HostClock.monotonicNanoseconds() + limitNanoseconds
    while let leftover = first(in: folder, files: KernelFiles(root: "/")) {
      if HostClock.monotonicNanoseconds() >= deadline {
        guard leftover.isTransient else {
          throw BenchFailure("\(leftover.path) is left after the run", exitCode: .ioError)
        }
        return [
          "\(leftover.path) is in use in another mount namespace, whose processes began meanwhile; the kernel frees it with them"
        ]
      }
      HostClock.sleep(nanoseconds: 20_000_000)
    }
    return []
  }

  /// The first mount point or loop device that uses `folder`, those first that stay; nil if there is none.
  static func first(in folder: String, files: KernelFiles) -> Leftover? {
    let mountPoint = "\(folder)/\(mountName)"
    let mount = MountDescription(of: mountPoint, mounts: files.lines("proc/self/mountinfo"))
    if mount?.mountPoint == mountPoint { return Leftover(path: mountPoint, isTransient: false) }
    let devices = files.entries("sys/block").filter {
      $0.hasPrefix("loop")
        && files.word("sys/block/\($0)/loop/backing_file")?.hasPrefix("\(folder)/") == true
    }.map { Leftover(path: "/dev/\($0)", isTransient: files.word("sys/block/\($0)/loop/autoclear") == "1") }
    return devices.first { !$0.isTransient } ?? devices.first
  }
}

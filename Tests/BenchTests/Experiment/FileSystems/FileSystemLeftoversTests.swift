import Foundation
import Testing

@testable import Bench

struct FileSystemLeftoversTests {
  /// What a host shows with a loop device on `file`, and with `mounts`.
  private static func leftover(file: String, autoclear: Int, mounts: String = "") throws
    -> FileSystemLeftovers.Leftover?
  {
    let root = try TemporaryFolder()
    for (path, text) in [
      ("sys/block/loop3/loop/backing_file", file), ("sys/block/loop3/loop/autoclear", "\(autoclear)"),
      ("sys/block/vda/size", "8"), ("proc/self/mountinfo", mounts),
    ] {
      let place = URL(filePath: root.file(path))
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("\(text)\n".utf8).write(to: place)
    }
    return FileSystemLeftovers.first(in: "/disk/run", files: KernelFiles(root: root.path))
  }

  @Test("a loop device on an image of the run is found, even after the image was removed")
  func loopDevice() throws {
    #expect(
      try Self.leftover(file: "/disk/run/copy.img (deleted)", autoclear: 0)
        == .init(path: "/dev/loop3", isTransient: false))
    #expect(
      try Self.leftover(file: "/disk/run/copy.img", autoclear: 1)
        == .init(path: "/dev/loop3", isTransient: true))
  }

  @Test("loop devices and mounts of others are left alone")
  func others() throws {
    #expect(try Self.leftover(file: "/disk/run2/copy.img", autoclear: 0) == nil)
    #expect(
      try Self.leftover(
        file: "/disk/a.img", autoclear: 0, mounts: "27 1 254:0 / /disk rw shared:1 - ext4 /dev/vda rw") == nil
    )
  }

  @Test("a mount comes before a loop device that the kernel frees by itself")
  func mount() throws {
    let mounts = "27 1 7:3 / /disk/run/mount rw - ext4 /dev/loop3 rw"
    #expect(
      try Self.leftover(file: "/disk/run/copy.img", autoclear: 1, mounts: mounts)
        == .init(path: "/disk/run/mount", isTransient: false))
  }
}

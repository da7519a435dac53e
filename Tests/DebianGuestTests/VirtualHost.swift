import Foundation

/// The virtual host of scripts/testbed, where these tests run.
enum VirtualHost {
  /// Whether this process runs in it.
  static let isHere = ProcessInfo.processInfo.environment["VEXT_TESTBED"] != nil
  /// Why the tests are skipped elsewhere.
  static let absence = "these run in the virtual host of scripts/testbed: scripts/test boots it"

  /// The folder of the package.
  private static let project = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  /// The release build of lkvm, as users run it.
  static let lkvm = project.appending(path: ".build/release/lkvm")
  /// The release build of vext-io, which guests run over 9p.
  static let vextIO = project.appending(path: ".build/release/vext-io")
  /// The release build of fuse-vext.
  static let fuseVext = project.appending(path: ".build/release/fuse-vext")
  /// What makes trees of files and compares them.
  static let fileTree = project.appending(path: "scripts/lib/guest/file-tree")
  /// What does random operations on a file or a block device, and compares what it reads with a model.
  static let fileExerciser = project.appending(path: "scripts/lib/guest/file-exerciser")
  /// Makes a disk with GRUB from an installation of Debian.
  static let grubImage = project.appending(path: "scripts/lib/guest/grub-image")
  /// Writes the ELF kernel that a bzImage holds.
  static let vmlinux = project.appending(path: "scripts/lib/guest/vmlinux")
  /// The release build of bench.
  static let bench = project.appending(path: ".build/release/bench")
  /// Runs bench with its disks in memory.
  static let benchRunner = project.appending(path: "scripts/lib/guest/bench-in-testbed")
  /// The guest kernel's block driver, which scripts/build-driver built for the newest kernel that has headers.
  static var blockDriver: String {
    get throws {
      let folder = project.appending(path: ".build/driver").path(percentEncoded: false)
      let releases = try FileManager.default.contentsOfDirectory(atPath: folder)
      guard let newest = releases.max(by: { $0.compare($1, options: .numeric) == .orderedAscending }) else {
        throw TestFailure("\(folder) has no driver: scripts/build-driver builds it")
      }
      return "\(folder)/\(newest)/vext.ko"
    }
  }
  /// Whether fuse-vext is there, which Linux guests mount by.
  static let hasFuseVext = FileManager.default.isExecutableFile(atPath: fuseVext.path)

  /// Whether it has an IOMMU, and devices for guests (scripts/testbed --vfio).
  static let hasHostDevices =
    (try? FileManager.default.contentsOfDirectory(atPath: "/sys/kernel/iommu_groups"))?.isEmpty == false

  /// The folder of scripts/lib/guest/debian-kernels, or nothing where the suite of these kernels could not be had.
  static let newerKernels = ProcessInfo.processInfo.environment["VEXT_DEBIAN_KERNELS"] ?? ""
  /// Why the tests of these kernels are skipped then.
  static let newerKernelsAbsence =
    "no kernel 6.12 of the backports suite: scripts/lib/guest/debian-kernels says why (VEXT_DEBIAN_KERNELS)"

  /// Runs a host command to its end and answers what it printed.
  @discardableResult
  static func run(_ words: String...) throws -> String { try run(words) }

  /// Runs a host command to its end and answers what it printed.
  @discardableResult
  static func run(_ words: [String]) throws -> String {
    let program = try LkvmProcess(words, program: URL(filePath: "/usr/bin/env"))
    let code = try program.waitForEnd(within: .seconds(120))
    guard code == 0 else {
      throw TestFailure("\(words.joined(separator: " ")) failed (\(code)): \(program.errors)")
    }
    return program.output
  }
}

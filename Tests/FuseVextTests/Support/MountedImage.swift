import FuseVext
import Glibc
import HostSystem
import Testing

/// An image with a file system of mke2fs, and the fuse-vext process that has it mounted.
final class MountedImage {
  /// The program under test: built beside the tests.
  static let program: String = {
    if let named = unsafe getenv("FUSE_VEXT") { return unsafe String(cString: named) }
    // swift test runs a bundle that lies where programs are built to.
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return Command.run("dirname \"$(readlink -f '\(bundle)')\"").output.split(separator: "\n").first.map {
      "\($0)/fuse-vext"
    }
      ?? "fuse-vext"
  }()

  let folder = TemporaryFolder.makeOrTrap()
  private var child: pid_t = -1
  var image: String { folder.path + "/image" }
  var mountPoint: String { folder.path + "/mnt" }
  private var log: String { folder.path + "/log" }

  /// Makes the image.
  ///
  /// - Parameters:
  ///   - megabytes: Its size.
  ///   - make: mke2fs and its options, without the image.
  init(megabytes: Int = 64, make: String = "mkfs.ext4 -q -F") {
    unsafe mkdir(mountPoint, 0o755)
    let made = Command.run("truncate -s \(megabytes)M '\(image)' && \(make) '\(image)'")
    #expect(made.exitCode == 0, "\(made.output)")
  }

  deinit {
    if child > 0 { kill() }
    Command.run("mountpoint -q '\(mountPoint)' && umount -l '\(mountPoint)'")
  }

  /// Mounts, and waits until the kernel shows it.
  func mount(_ options: String = "") {
    let option = options.isEmpty ? "" : "-o \(options)"
    child = Command.spawn("exec '\(Self.program)' -f \(option) '\(image)' '\(mountPoint)'", outputPath: log)
    // A minute: other tests may have all processors.
    for _ in 0..<6000 {
      if Command.text(of: "/proc/self/mounts").contains(" \(mountPoint) ") { return }
      var status: Int32 = 0
      if unsafe waitpid(child, &status, WNOHANG) == child {
        child = -1
        break
      }
      HostClock.sleep(nanoseconds: 10_000_000)
    }
    Issue.record("not mounted: \(Command.text(of: log))")
    if child > 0 { kill() }
  }

  /// Unmounts and waits for the process. Returns its exit code.
  @discardableResult
  func unmount() -> Int32 {
    let result = Command.run("umount '\(mountPoint)'")
    #expect(result.exitCode == 0, "\(result.output)")
    guard result.exitCode == 0 else {
      // The process would go on serving for ever.
      kill()
      return -1
    }
    let code = Command.wait(for: child)
    child = -1
    #expect(code == 0, "\(Command.text(of: log))")
    return code
  }

  /// Unmounts what has failed meanwhile. Returns the process's exit code.
  func unmountAfterFailure() -> Int32 {
    Command.run("umount '\(mountPoint)'")
    let code = Command.wait(for: child)
    child = -1
    return code
  }

  /// What the process has said.
  var messages: String { Command.text(of: log) }

  /// Whether changes are refused.
  var failsToMakeFile: Bool { Command.run("touch '\(mountPoint)/new'").exitCode != 0 }

  /// Ends the process as a crash would.
  func kill() {
    _ = Glibc.kill(child, SIGKILL)
    _ = Command.wait(for: child)
    child = -1
    Command.run("umount -l '\(mountPoint)'")
  }

  var process: pid_t { child }

  /// Waits for the end of a process that somebody else has asked to end.
  func waitForExit() -> Int32 {
    defer { child = -1 }
    return Command.wait(for: child)
  }

  /// Expects that e2fsck finds nothing.
  func expectClean(_ note: Comment? = nil) {
    let check = Command.run("e2fsck -fn '\(image)'")
    #expect(check.exitCode == 0, "\(note?.rawValue ?? "") \(check.output)")
  }

  /// Expects that e2fsck finds nothing once the process in the background has ended.
  func expectCleanSoon() {
    for _ in 0..<500 {
      // The process holds the image alone until its last write.
      if Command.run("flock -n -x '\(image)' e2fsck -fn '\(image)'").exitCode == 0 { return }
      HostClock.sleep(nanoseconds: 20_000_000)
    }
    expectClean()
  }

  /// Runs a shell command in the mount point and expects that it succeeds.
  @discardableResult
  func shell(_ command: String, at location: SourceLocation = #_sourceLocation) -> String {
    let result = Command.run("cd '\(mountPoint)' || exit 99\n\(command)\n")
    #expect(result.exitCode == 0, "\(command): \(result.output)", sourceLocation: location)
    return result.output
  }

  /// Runs a shell command in a loop mount of the kernel's ext4.
  @discardableResult
  func throughKernel(
    _ command: String, options: String, at location: SourceLocation = #_sourceLocation
  ) -> String {
    let result = Command.run(
      """
      mount -o loop,\(options) '\(image)' '\(mountPoint)' && cd '\(mountPoint)' && { \(command)
      }
      code=$?; cd /; umount '\(mountPoint)' && exit $code
      """)
    #expect(result.exitCode == 0, "\(command): \(result.output.prefix(500))", sourceLocation: location)
    return result.output
  }
}

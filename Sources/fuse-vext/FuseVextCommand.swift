import ArgumentParser
import FuseVext
import Glibc
import HostSystem
import SystemPackage

@main
struct FuseVextCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuse-vext",
    abstract: "Mounts an ext2, ext3 or ext4 file system from an image, a block device or a vext queue.",
    usage: """
      fuse-vext [options] DEVICE MOUNTPOINT
      fuse-vext [options] --device DEVICE MOUNTPOINT
      """,
    version: "fuse-vext \(ProjectVersion.text), libfuse \(Background.libraryVersion)")

  @Option(
    name: .long,
    help: "An image, a block device, 'vext' (the first vext function) or 'vext:0000:00:05.0'.")
  var device: String?

  @Option(
    name: .customShort("o"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      Mount options: ro, norecovery, allow_other, default_permissions, fakeroot, direct_io, discard, minixdf, page_cache, \
      io_uring, read, pin, threads=N, commit=SECONDS, fsname=NAME and those of mount(8) and of ext4.
      """, valueName: "options"))
  var options: [String] = []

  @Flag(name: .customShort("f"), help: "Stay in the foreground.")
  var isForeground = false

  @Flag(name: .customShort("s"), help: "Serve with one thread.")
  var isSingleThreaded = false

  @Flag(name: .customShort("v"), help: "Say what was mounted.")
  var isVerbose = false

  @Flag(name: .customShort("V"), help: "Show the version.")
  var showsVersion = false

  @Argument(
    help: ArgumentHelp("The device, if not given by --device, and the mount point.", valueName: "path"))
  var paths: [String] = []

  /// Runs the command as ParsableCommand does, but ends with 1 after a wrong command line, as fuse2fs does.
  static func main() {
    let command: FuseVextCommand
    do {
      command = try parse()
    } catch {
      let isHelp = exitCode(for: error) == .success
      if isHelp {
        print(fullMessage(for: error))
      } else {
        StandardError.write(.error, message(for: error), from: "fuse-vext")
      }
      Glibc.exit(isHelp ? 0 : 1)
    }
    if command.showsVersion {
      print(configuration.version)
      Glibc.exit(0)
    }
    Glibc.exit(command.mount())
  }

  private func mount() -> Int32 {
    var pipe: Int32?
    do throws(MountFailure) {
      let options = try mountOptions()
      if !isForeground {
        do throws(Errno) { pipe = try Background.enter() } catch { throw .fuse("fork: \(error)") }
      }
      let mount = try Mount(options)
      for note in mount.notes { StandardError.write(.note, note, from: "fuse-vext") }
      if isVerbose { print("\(options.device) mounted on \(options.mountPoint)") }
      if let pipe { Background.tell(pipe, exitCode: 0) }
      pipe = nil
      return try mount.run()
    } catch {
      StandardError.write(.error, "\(error)", from: "fuse-vext")
      if let pipe { Background.tell(pipe, exitCode: error.exitCode) }
      return error.exitCode
    }
  }

  private func mountOptions() throws(MountFailure) -> MountOptions {
    let isNamed = device != nil
    guard paths.count == (isNamed ? 1 : 2), let mountPoint = paths.last else {
      throw .usage("needed are a device and a mount point; see 'fuse-vext --help'")
    }
    var result = MountOptions(device: device ?? paths[0], mountPoint: mountPoint)
    for text in options { try result.add(text) }
    if isSingleThreaded { result.threadCount = 1 }
    return result
  }
}

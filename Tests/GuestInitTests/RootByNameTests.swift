import Foundation
import GuestInit
import Hypervisor
import Testing

/// Whether disks can be lent as loop devices.
enum LoopDisks {
  static var arePossible: Bool {
    let tools = ["/bin/busybox", "/sbin/losetup", "/sbin/mke2fs", "/sbin/sfdisk", "/usr/bin/setpriv"]
    return NamespaceGuest.isPossible && FileManager.default.fileExists(atPath: "/dev/loop-control")
      && tools.allSatisfy(FileManager.default.isExecutableFile(atPath:))
  }
}

/// The first stage, in namespaces of its own, over disks that the host lends it as loop devices.
@Suite("The root that a file system's name leads to", .serialized, .enabled(if: LoopDisks.arePossible))
struct RootByNameTests {
  private static let identifier = "6f9b2c1e-5a5d-4c0e-9c7e-0d3a1b2c4d5e"

  @Test(arguments: [
    "UUID=\(identifier)", "UUID=\(identifier.uppercased())", "LABEL=the-root", "LABEL=sixteen-letters-",
  ])
  func `is found among others, in either case, and its init runs`(name: String) throws {
    let label = name.hasPrefix("LABEL=") ? String(name.dropFirst(6)) : "other"
    #expect(try Self.start(root: name, label: label) == 3)
  }

  /// Makes two disks, of which the second has an init that ends with 3, and starts the first stage with `root`.
  private static func start(root: String, label: String) throws -> Int32 {
    let folder = FileManager.default.temporaryDirectory.appending(path: "root-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(GuestInitImage.bytes()).write(to: folder.appending(path: "first-stage"))
    let script = """
      set -e
      cd "$1"
      mkdir -p ram/proc ram/sys ram/dev ram/run tree/proc tree/sys tree/dev tree/run tree/bin tree/sbin
      cp first-stage ram/init; chmod 755 ram/init
      cp /bin/busybox tree/bin; ln -s busybox tree/bin/sh
      printf '#!/bin/sh\\nexit 3\\n' > tree/sbin/init; chmod 755 tree/sbin/init
      mke2fs -q -t ext4 -U random -L the-roo other.ext4 8m > made 2>&1
      mke2fs -q -t ext4 -U \(identifier) -L "$3" -d tree root.ext4 16m >> made 2>&1
      echo "root=$2 lkvm.host=none" > cmdline
      other=$(losetup -f --show other.ext4); trap 'losetup -d $other' EXIT
      disk=$(losetup -f --show root.ext4); trap 'losetup -d $other $disk' EXIT
      timeout -k 1 120 unshare -m -p -f -u -n -i --propagation private sh -ec '
        mount --bind ram ram; cd ram
        mount -t proc proc proc; mount --bind ../cmdline proc/cmdline
        exec setpriv --bounding-set=-sys_rawio,-sys_boot --inh-caps=-sys_rawio,-sys_boot chroot . /init'
      """
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", script, "sh", folder.path, root, label]
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  private static let partitionIdentifier = "1b5f3c2a-0d4e-4f6a-8b7c-9d0e1f2a3b4c"

  @Test(arguments: [
    ("gpt", "PARTUUID=\(partitionIdentifier)"), ("gpt", "PARTUUID=\(partitionIdentifier.uppercased())"),
    ("gpt", "PARTLABEL=the-root-partition"), ("dos", "PARTUUID=5eed1234-02"),
  ])
  func `of a partition is found in its table`(table: String, name: String) throws {
    let outcome = try Self.startPartitioned(table, root: name)
    #expect(outcome.status == 3, "\(outcome.output)")
  }

  @Test func `that is not there is reported with the disks and partitions that are`() throws {
    let outcome = try Self.startPartitioned("gpt", root: "PARTLABEL=no-such")
    #expect(outcome.status == 127)
    #expect(outcome.output.contains("cannot mount the root: no such file, directory or device"))
    #expect(outcome.output.contains(/there is \/dev\/loop\d+: a partition table or a boot sector/))
    #expect(outcome.output.contains(/there is \/dev\/loop\d+: ext2, ext3 or ext4/))
  }

  /// Makes a disk of two partitions, of which the second has an init that ends with 3, and starts the first stage.
  ///
  /// A loop device over the second partition stands for its node, because not every kernel partitions loop devices. Returns
  /// what was written to the console, too.
  private static func startPartitioned(_ table: String, root: String) throws -> (
    status: Int32, output: String
  ) {
    let folder = FileManager.default.temporaryDirectory.appending(path: "root-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(GuestInitImage.bytes()).write(to: folder.appending(path: "first-stage"))
    let script = """
      set -e
      cd "$1"
      mkdir -p ram/proc ram/sys ram/dev ram/run tree/proc tree/sys tree/dev tree/run tree/bin tree/sbin
      cp first-stage ram/init; chmod 755 ram/init
      cp /bin/busybox tree/bin; ln -s busybox tree/bin/sh
      printf '#!/bin/sh\\nexit 3\\n' > tree/sbin/init; chmod 755 tree/sbin/init
      truncate -s 32M disk
      if [ "$2" = gpt ]; then
        printf '%s\\n' 'label: gpt' 'start=2048,size=2048,name=first' \\
          'start=4096,size=49152,uuid=\(partitionIdentifier),name=the-root-partition' | sfdisk -q disk
      else
        printf '%s\\n' 'label: dos' 'label-id: 0x5eed1234' 'start=2048,size=2048' 'start=4096,size=49152' |
          sfdisk -q disk
      fi
      mke2fs -q -t ext4 -d tree -E offset=2097152 disk 24m > made 2>&1
      echo "root=$3 lkvm.host=none" > cmdline
      touch console
      disk=$(losetup -f --show disk); trap 'losetup -d $disk; cat console' EXIT
      part=$(losetup -o 2097152 -f --show disk); trap 'losetup -d $part $disk; cat console' EXIT
      timeout -k 1 120 unshare -m -p -f -u -n -i --propagation private sh -ec '
        mount --bind ram ram; cd ram
        mount -t tmpfs tmpfs dev; touch dev/console; mount --bind ../console dev/console
        cp -a "$0" "$1" dev; cp -a "$1" "dev/${0##*/}p2"
        mount -t proc proc proc; mount --bind ../cmdline proc/cmdline
        exec setpriv --bounding-set=-sys_rawio,-sys_boot --inh-caps=-sys_rawio,-sys_boot chroot . /init' "$disk" "$part"
      """
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", script, "sh", folder.path, table, root]
    process.standardInput = FileHandle.nullDevice
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
}

import SystemPackage
import Testing

@testable import FuseVext

/// Files without a name, and files about to be cut off, that the last user left behind.
@Suite(.serialized)
struct OrphanTests {
  private static let makes = [
    "mkfs.ext4 -q -F -b 1024", "mkfs.ext4 -q -F -b 1024 -O ^metadata_csum,^extents,^64bit -I 128",
    "mkfs.ext2 -q -F -b 1024",
  ]

  /// An image with files, whose inodes are named by their place.
  private func image(_ make: String, files: Int) throws -> (disk: MountedImage, inodes: [UInt32]) {
    let disk = MountedImage(megabytes: 16, make: "\(make) -N 512")
    let content = disk.folder.path + "/content"
    Command.run("yes orphan | head -c 100000 > '\(content)'")
    let commands = (0..<files).map { "write \(content) file-\($0)" } + (0..<files).map { "stat file-\($0)" }
    let output = debugfs(disk, commands)
    let inodes = output.split(separator: "\n").filter { $0.hasPrefix("Inode: ") }.compactMap {
      UInt32($0.dropFirst(7).prefix { $0.isNumber })
    }
    try #require(inodes.count == files)
    return (disk, inodes)
  }

  @discardableResult
  private func debugfs(_ disk: MountedImage, _ commands: [String]) -> String {
    Command.run(
      "printf '%s\\n' \(commands.map { "'\($0)'" }.joined(separator: " ")) | debugfs -w -f - '\(disk.image)'"
    )
    .output
  }

  private func mountAndUnmount(_ disk: MountedImage) throws {
    let device = try FileDevice(path: disk.image, readOnly: false, usesPageCache: true)
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
    try fileSystem.close(resources)
  }

  /// Takes a file's name and last link away.
  private func lose(_ index: Int, _ inodes: [UInt32]) -> [String] {
    ["unlink file-\(index)", "sif <\(inodes[index])> links_count 0"]
  }

  @Test(arguments: makes)
  func `files on the list are freed, or cut off at their size with zeros behind it`(make: String) throws {
    let (disk, inodes) = try image(make, files: 4)
    // The list: 0 (freed), 1 (cut off), 2 (freed). 3 stays as it is.
    debugfs(
      disk,
      lose(0, inodes) + lose(2, inodes) + [
        "sif <\(inodes[1])> size 1500", "ssv last_orphan \(inodes[0])",
        "sif <\(inodes[0])> dtime \(inodes[1])", "sif <\(inodes[1])> dtime \(inodes[2])",
        "sif <\(inodes[2])> dtime 0",
      ])
    try mountAndUnmount(disk)
    disk.expectClean()
    let copy = disk.folder.path + "/copy"
    let output = debugfs(
      disk,
      ["sif <\(inodes[1])> size 2048", "dump file-1 \(copy)", "testi <\(inodes[0])>", "testi <\(inodes[2])>"])
    #expect(output.contains("Inode \(inodes[0]) is not in use"))
    #expect(output.contains("Inode \(inodes[2]) is not in use"))
    let expected = Array(repeating: Array("orphan\n".utf8), count: 215).joined().prefix(1500)
    let bytes = try ImageBytes.read(copy)
    #expect(bytes.prefix(1500).elementsEqual(expected))
    #expect(bytes.count == 2048 && bytes.dropFirst(1500).allSatisfy { $0 == 0 })
  }

  @Test(arguments: ["cycle", "range", "reserved", "free", "device"])
  func `a list that cannot be is refused, and nothing is changed`(kind: String) throws {
    let (disk, inodes) = try image(Self.makes[0], files: 2)
    let last: UInt32 =
      switch kind {
      case "range": 100_000
      case "reserved": 8
      case "free": inodes[1] + 50
      default: inodes[1]
      }
    var commands = lose(0, inodes) + ["ssv last_orphan \(inodes[0])", "sif <\(inodes[0])> dtime \(last)"]
    if kind == "cycle" { commands.append("sif <\(inodes[1])> dtime \(inodes[0])") }
    if kind == "device" { commands.append("sif <\(inodes[1])> mode 020644") }
    debugfs(disk, commands)
    let before = try ImageBytes.read(disk.image)
    #expect(throws: MountFailure.corrupted(disk.image)) { try mountAndUnmount(disk) }
    #expect(try ImageBytes.read(disk.image) == before)
  }

  @Test func `files in the orphan file are freed too, in steps, and those that are on the list as well once`()
    throws
  {
    let (disk, inodes) = try image("mkfs.ext4 -q -F -b 1024 -O orphan_file,^metadata_csum", files: 40)
    debugfs(
      disk,
      (0..<40).flatMap { lose($0, inodes) } + [
        "feature orphan_present", "ssv last_orphan \(inodes[39])", "sif <\(inodes[39])> dtime 0",
      ])
    let text = Command.run("dumpe2fs -h '\(disk.image)' | sed -n 's/^Orphan file inode: *//p'").output
    let file = try #require(text.split(separator: "\n").last.map(String.init))
    let blocks = debugfs(disk, ["blocks <\(file)>"]).split(separator: "\n").last ?? ""
    let numbers = blocks.split(separator: " ").compactMap { Int($0) }
    try #require(numbers.count > 1)
    // All in the first block, but for two in the last one.
    for (index, inode) in inodes.enumerated() {
      let block = index < 38 ? numbers[0] : numbers[numbers.count - 1]
      try ImageBytes.write(
        (0..<4).map { UInt8(truncatingIfNeeded: inode >> ($0 * 8)) }, to: disk.image,
        at: block * 1024 + index * 8)
    }
    try mountAndUnmount(disk)
    disk.expectClean()
    #expect(!Command.run("dumpe2fs -h '\(disk.image)'").output.contains("orphan_present"))
    #expect(
      debugfs(disk, inodes.map { "testi <\($0)>" }).split(separator: "\n").filter {
        $0.contains("not in use")
      }.count == 40)

    // A block without its magic number.
    debugfs(disk, ["feature orphan_present"])
    try ImageBytes.write([0, 0, 0, 0], to: disk.image, at: numbers[0] * 1024 + 1016)
    #expect(throws: MountFailure.corrupted(disk.image)) { try mountAndUnmount(disk) }
  }

  @Test func `after a crash while orphans are freed, the next mount frees the rest`() throws {
    let (disk, inodes) = try image(Self.makes[0], files: 6)
    debugfs(
      disk,
      (0..<6).flatMap { lose($0, inodes) } + ["ssv last_orphan \(inodes[0])"]
        + (0..<6).map { "sif <\(inodes[$0])> dtime \($0 < 5 ? inodes[$0 + 1] : 0)" })
    let before = try ImageBytes.read(disk.image)
    let device = try MemoryDevice(before)
    let resources = try ServingResources(device: device)
    // Without a close: as a process that was killed.
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
    try fileSystem.synchronizeAll(resources)
    try ImageBytes.write(device.bytes, to: disk.image)
    try mountAndUnmount(disk)
    disk.expectClean()
  }
}

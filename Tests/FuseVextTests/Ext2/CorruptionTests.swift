import Glibc
import HostSystem
import SystemPackage
import Testing

@testable import FuseVext

/// Images with flipped bytes: errors, never a crash and never a loop without end.
@Suite(.serialized)
struct CorruptionTests {
  @Test(arguments: [
    "mkfs.ext4 -q -F -b 1024 -N 128", "mkfs.ext4 -q -F -b 1024 -N 128 -O ^metadata_csum",
    "mkfs.ext2 -q -F -b 1024 -N 128",
  ])
  func `flipped bytes in structures are errors`(make: String) throws {
    let disk = MountedImage(megabytes: 4, make: make)
    try fill(disk)
    let size = 4 << 20
    let original = [UInt8](try Self.bytes(of: disk.image, count: size))
    // Where structures are: what is not zero, and no file's contents.
    let places = original.indices.filter { original[$0] != 0 && original[$0] != 0x61 }
    for seed: UInt64 in 1...(Self.imageCount * 3) {
      var generator = SplitMix64(seed: seed)
      var mutated = original
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        guard let place = places.randomElement(using: &generator) else { continue }
        mutated[place] =
          [0, 1, 0x7f, 0xff, mutated[place] ^ 1 << UInt8.random(in: 0..<8, using: &generator)]
          .randomElement(using: &generator) ?? 0
      }
      Command.record("seed \(seed) of \(make)", in: disk.folder.path + "/seed")
      try Self.write(mutated, to: disk.image)
      // A mount that does not end is killed; the recorded seed says which.
      alarm(60)
      exercise(disk.image)
      alarm(0)
    }
  }

  /// How many images of each kind are tried. A long run, alone in its process, also measures memory:
  /// `FUSE_VEXT_FUZZ=5000 swift test --filter CorruptionTests`.
  private static let imageCount: UInt64 = {
    guard let text = unsafe getenv("FUSE_VEXT_FUZZ"), let count = UInt64(unsafe String(cString: text)) else {
      return 5
    }
    return count
  }()

  @Test(arguments: [
    "mkfs.ext4 -q -F -b 1024 -N 128 -O ^metadata_csum,64bit", "mkfs.ext3 -q -F -b 1024 -N 128 -J size=1",
    "mkfs.ext2 -q -F -b 1024 -N 128",
    "mkfs.ext4 -q -F -b 1024 -N 128 -O ^metadata_csum,^has_journal,inline_data,ea_inode",
    "mkfs.ext4 -q -F -b 1024 -N 128 -g 1024 -O ^metadata_csum,^resize_inode,meta_bg,mmp",
  ])
  func `fields at the ends of their ranges are errors, and take little memory`(make: String) throws {
    let disk = MountedImage(megabytes: 4, make: make)
    if !make.contains("mmp") { try fill(disk) }
    let original = try ImageBytes.read(disk.image)
    let places = original.indices.filter { $0 % 2 == 0 && original[$0] != 0 && original[$0] != 0x61 }
    let before = Self.residentKibibytes
    for seed: UInt64 in 1...Self.imageCount {
      var generator = SplitMix64(seed: seed &* 7919)
      var mutated = original
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        // The superblock and the first group descriptors, or any structure.
        let isInFront = Int.random(in: 0..<3, using: &generator) == 0
        let place =
          isInFront
          ? Int.random(in: 512..<1600, using: &generator) * 2 : places.randomElement(using: &generator)
        guard let place else { continue }
        let width = [1, 2, 4, 8].randomElement(using: &generator) ?? 1
        let values: [UInt64] = [
          0, 1, 2, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, .max, 4095,
          4096, 4097,
        ]
        let value = values.randomElement(using: &generator) ?? 0
        for index in 0..<width where place + index < mutated.count {
          mutated[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
        }
      }
      Command.record("seed \(seed) of \(make)", in: "/tmp/fuse-vext-corruption-seed")
      try Self.write(mutated, to: disk.image)
      alarm(60)
      exercise(disk.image)
      exercise(disk.image, readOnly: true)
      alarm(0)
    }
    if Self.imageCount > 1000 { #expect(Self.residentKibibytes < before + 128 << 10) }
  }

  /// The most memory that this process has had.
  private static var residentKibibytes: Int {
    var usage = rusage()
    return unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 ? usage.ru_maxrss : 0
  }

  private func fill(_ disk: MountedImage) throws {
    let device = try FileDevice(path: disk.image, readOnly: false, usesPageCache: true)
    let resources = try ServingResources(device: device)
    let fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
    try fileSystem.begin(resources)
    let buffer = try BlockBuffer(byteCount: 70000)
    buffer.slice(0, 70000).fill(with: 0x61)
    for number in 0..<20 {
      let file = try fileSystem.create(
        Array("file-\(number)".utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0),
        resources
      )
      let inode = fileSystem.openInode(file.number)
      for piece in 0..<UInt64(number % 7) {
        try fileSystem.write(inode, offset: piece * 100_000, buffer.slice(0, 10000 + number), resources)
      }
      try fileSystem.change(resources) { (metadata) throws(Errno) in
        try metadata.setAttribute(
          try AttributeName(Array("user.a".utf8)),
          to: buffer.slice(0, number * 10).bytes, of: file.number)
      }
    }
    _ = try fileSystem.create(
      Array("folder".utf8), in: FileSystem.root, NewInode(mode: 0o040755, user: 0, group: 0), resources)
    _ = try fileSystem.create(
      Array("link".utf8), in: FileSystem.root,
      NewInode(mode: 0o120777, user: 0, group: 0, target: Array(repeating: 0x62, count: 200)), resources)
    try fileSystem.close(resources)
  }

  /// Reads, changes and closes what can be; every error is fine.
  private func exercise(_ path: String, readOnly: Bool = false) {
    do {
      let device = try FileDevice(path: path, readOnly: readOnly, usesPageCache: true)
      let resources = try ServingResources(device: device)
      let fileSystem = try FileSystem(device: device, resources: resources, readOnly: readOnly)
      try fileSystem.begin(resources)
      do { _ = try fileSystem.statistics(resources) } catch {}
      do {
        let folder = NewInode(mode: 0o040755, user: 0, group: 0)
        _ = try fileSystem.create(Array("new folder".utf8), in: FileSystem.root, folder, resources)
        let root = FileSystem.root
        try fileSystem.rename(
          Metadata.Place(parent: root, name: Array("file-3".utf8)),
          to: Metadata.Place(parent: root, name: Array("file-4".utf8)), flags: 0, resources)
        try fileSystem.removeDirectory(Array("new folder".utf8), in: root, resources)
      } catch {}
      for name in names(of: FileSystem.root, fileSystem, resources) {
        exercise(name, fileSystem, resources)
      }
      let new = NewInode(mode: 0o100644, user: 0, group: 0)
      for number in 0..<4 {
        do {
          let made = try fileSystem.create(Array("new-\(number)".utf8), in: FileSystem.root, new, resources)
          try fileSystem.write(
            fileSystem.openInode(made.number), offset: UInt64(number) * 5000, resources.zeros.slice(0, 3000),
            resources)
        } catch {}
      }
      try fileSystem.close(resources)
    } catch {}
  }

  private func names(of number: UInt32, _ fileSystem: FileSystem, _ resources: ServingResources) -> [[UInt8]]
  {
    var names: [[UInt8]] = []
    do {
      try fileSystem.list(number, from: 0, resources) { (_, listed) throws(Errno) in
        names.append(listed.name)
        return true
      }
    } catch {}
    return names
  }

  private func exercise(_ name: [UInt8], _ fileSystem: FileSystem, _ resources: ServingResources) {
    guard let found = try? fileSystem.lookup(name, in: FileSystem.root, resources) else { return }
    let inode = fileSystem.openInode(found.number)
    var operations: [() throws -> Void] = [
      { _ = try fileSystem.symbolicLinkTarget(found.number, resources) },
      {
        _ = try fileSystem.inspect(resources) { (metadata) throws(Errno) in
          try metadata.attributeNames(of: found.number)
        }
      },
      { _ = try fileSystem.seek(inode, offset: 0, toData: false, resources) },
    ]
    for offset: UInt64 in stride(from: 0, to: 700_000, by: 50_000) {
      operations.append { _ = try fileSystem.read(inode, offset: offset, byteCount: 70000, resources) }
    }
    operations.append { _ = self.names(of: found.number, fileSystem, resources) }
    operations.append {
      try fileSystem.write(inode, offset: 5000, resources.zeros.slice(0, 9000), resources)
    }
    operations.append {
      try fileSystem.changeSpace(.punchHole, of: inode, offset: 1000, byteCount: 40_000, resources)
    }
    operations.append {
      try fileSystem.changeSpace(
        .allocate(keepsSize: false), of: inode, offset: 0, byteCount: 300_000, resources)
    }
    operations.append { try fileSystem.truncate(inode, to: 3000, resources) }
    operations.append {
      var change = FileSystem.AttributeChange()
      change.modificationTime = InodeTime(seconds: .min, nanoseconds: .max)
      _ = try fileSystem.setAttributes(change, of: found.number, resources)
    }
    operations.append {
      _ = try fileSystem.link(found.number, as: name + [0x32], in: FileSystem.root, resources)
    }
    operations.append {
      try fileSystem.change(resources) { (metadata) throws(Errno) in
        try metadata.removeAttribute(try AttributeName(Array("user.a".utf8)), of: found.number)
      }
    }
    operations.append { try fileSystem.unlink(name, in: FileSystem.root, resources) }
    operations.append { try fileSystem.forget(found.number, count: 1, resources) }
    for operation in operations { do { try operation() } catch {} }
  }

  private static func bytes(of path: String, count: Int) throws -> [UInt8] {
    let file = unsafe try FileDescriptor.open(path, .readOnly)
    defer { close(file.rawValue) }
    var bytes = [UInt8](repeating: 0, count: count)
    _ = try unsafe bytes.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
    return bytes
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    let file = unsafe try FileDescriptor.open(path, .writeOnly)
    defer { close(file.rawValue) }
    try file.writeAll(bytes)
  }
}

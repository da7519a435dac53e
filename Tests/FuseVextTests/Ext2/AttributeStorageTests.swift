import HostSystem
import SystemPackage
import Testing

@testable import FuseVext

/// Extended attributes in inodes and in blocks, against a model.
@Suite(.serialized)
struct AttributeStorageTests {
  /// A file system that a test changes directly.
  private struct Opened {
    let resources: ServingResources
    let fileSystem: FileSystem

    init(_ disk: MountedImage) throws {
      let device = try FileDevice(path: disk.image, readOnly: false)
      resources = try ServingResources(device: device)
      fileSystem = try FileSystem(device: device, resources: resources, readOnly: false)
      try fileSystem.begin(resources)
    }

    func names(_ number: UInt32) throws -> Set<[UInt8]> {
      let names = try fileSystem.attributeNames(of: number, resources)
      return Set(names.map(\.bytes))
    }

    func value(_ name: [UInt8], _ number: UInt32) throws -> [UInt8] {
      let name = try AttributeName(name)
      return try fileSystem.attribute(name, of: number, resources)
    }

    /// Nil removes.
    func set(_ name: [UInt8], _ value: [UInt8]?, _ number: UInt32) throws(Errno) {
      let name = try AttributeName(name)
      guard let value else { return try fileSystem.removeAttribute(name, of: number, resources) }
      try fileSystem.setAttribute(name, to: value, of: number, rule: [], resources)
    }
  }

  @Test(arguments: [
    "mkfs.ext4 -q -F -b 1024 -I 128", "mkfs.ext4 -q -F -b 1024 -I 256",
    "mkfs.ext4 -q -F -I 512 -O ^metadata_csum",
    "mkfs.ext2 -q -F -b 1024 -I 128", "mkfs.ext3 -q -F -b 4096",
  ])
  func `attributes that are set and removed at random are what a model has, and e2fsck is content`(
    make: String
  ) throws {
    let disk = MountedImage(megabytes: 16, make: make)
    var model: [UInt32: [[UInt8]: [UInt8]]] = [:]
    var random = SplitMix64(seed: 20_261_129)
    for round in 0..<3 {
      let opened = try Opened(disk)
      for index in 0..<6 where round == 0 {
        let found = try opened.fileSystem.create(
          Array("f\(index)".utf8), in: FileSystem.root, NewInode(mode: 0o100644, user: 0, group: 0),
          opened.resources)
        model[found.number] = [:]
      }
      let numbers = model.keys.sorted()
      var refusedCount = 0
      for _ in 0..<400 {
        let number = numbers[random.below(numbers.count)]
        var attributes = model[number] ?? [:]
        let known = random.element(attributes.keys.sorted { $0.lexicographicallyPrecedes($1) })
        if let known, random.below(5) < 2 {
          try opened.set(known, nil, number)
          attributes[known] = nil
        } else {
          let name = random.oneIn(2) ? known ?? newName(&random) : newName(&random)
          let value = bytes(random.below([8, 40, 300, 1100, 5000][random.below(5)]), from: 0, &random)
          do throws(Errno) {
            try opened.set(name, value, number)
            attributes[name] = value
          } catch {
            guard error == .noSpace else { throw error }
            refusedCount += 1
          }
        }
        model[number] = attributes
      }
      #expect(refusedCount > 0 && refusedCount < 300)
      for (number, attributes) in model {
        #expect(try opened.names(number) == Set(attributes.keys))
        for (name, value) in attributes { #expect(try opened.value(name, number) == value) }
      }
      try opened.fileSystem.close(opened.resources)
      disk.expectClean("round \(round)")
    }
  }

  private func newName(_ random: inout SplitMix64) -> [UInt8] {
    let prefix = ["user.", "trusted.", "security."][random.below(3)]
    return Array(prefix.utf8) + bytes(1 + random.below(random.oneIn(2) ? 6 : 240), from: 1, &random)
  }

  private func bytes(_ count: Int, from smallest: Int, _ random: inout SplitMix64) -> [UInt8] {
    (0..<count).map { _ in UInt8(smallest + random.below(256 - smallest)) }
  }
}

import Foundation
import Testing

@testable import Hypervisor

/// Snapshots, backing files, and the marks of the header.
@Suite(.enabled("needs qemu-img and qemu-io") { QemuTools.isInstalled })
struct QcowFeatureTests {
  private static func byte(_ image: QcowImage, at offset: UInt64) throws -> UInt8 {
    let buffer = HostBuffer(byteCount: 1)
    try image.read(buffer, buffer.all, at: offset)
    return buffer.load(at: 0)
  }

  @Test func `a snapshot is read by its name or its identifier, and outlives writes`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", path, "1M")
    try QemuTools.io(path, format: "qcow2", ["write -P 0x11 0 512k"])
    try QemuTools.image("snapshot", "-c", "before", path)
    do {
      let image = try folder.open("image", isWritable: true)
      let buffer = HostBuffer(byteCount: 100_000)
      buffer.fill(buffer.all, with: 0x22)
      try image.write(buffer, 0..<99_840, at: 512)
      try image.zero(at: 256 << 10, byteCount: 128 << 10)
      try image.close()
    }
    try QemuTools.check(path)
    let now = try folder.open("image")
    #expect(try Self.byte(now, at: 0) == 0x11)
    #expect(try Self.byte(now, at: 512) == 0x22)
    #expect(try Self.byte(now, at: 300 << 10) == 0)
    for name in ["before", "1"] {
      let before = try folder.open("image", snapshot: name)
      #expect(try Self.byte(before, at: 512) == 0x11)
      #expect(try Self.byte(before, at: 300 << 10) == 0x11)
      #expect(try Self.byte(before, at: 600 << 10) == 0)
    }
    #expect(throws: QcowError.noSnapshot("after")) { try folder.open("image", snapshot: "after") }
    // QEMU goes back to it.
    try QemuTools.image("snapshot", "-a", "before", path)
    try QemuTools.check(path)
    #expect(try Self.byte(try folder.open("image"), at: 512) == 0x11)
  }

  /// Lazy refcounts that QEMU had no time to write.
  @Test func `an image that was not closed is repaired when it is opened for writing`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on,cluster_size=4k", path, "1M")
    // abort ends qemu-io by a signal, and with that leaves the mark.
    try QemuTools.run(
      "qemu-io", ["-f", "qcow2", "-c", "write -P 0x11 0 300k", "-c", "flush", "-c", "abort", path],
      accepting: [6, 134])
    let header = try QcowHeader(QcowMemoryFile(try folder.contents("image")))
    #expect(header.isDirty)
    #expect(try Self.byte(try folder.open("image"), at: 200 << 10) == 0x11)
    do {
      let image = try folder.open("image", isWritable: true)
      let buffer = HostBuffer(byteCount: 4096)
      try image.write(buffer, buffer.all, at: 600 << 10)
      try image.close()
    }
    try QemuTools.check(path)
    #expect(!(try QcowHeader(QcowMemoryFile(try folder.contents("image"))).isDirty))
    #expect(try Self.byte(try folder.open("image"), at: 200 << 10) == 0x11)
  }

  @Test func `bitmaps of QEMU's are marked as out of date before the first write`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", path, "1M")
    try QemuTools.image("bitmap", "--add", path, "changes")
    #expect(try QcowHeader(QcowMemoryFile(try folder.contents("image"))).autoclear == 1)
    do {
      let image = try folder.open("image", isWritable: true)
      _ = try image.contents()
      #expect(try QcowHeader(QcowMemoryFile(try folder.contents("image"))).autoclear == 1)
      let buffer = HostBuffer(byteCount: 512)
      try image.write(buffer, buffer.all, at: 0)
      try image.close()
    }
    #expect(try QcowHeader(QcowMemoryFile(try folder.contents("image"))).autoclear == 0)
    try QemuTools.check(path, leaksAllowed: true)
  }

  // MARK: Backing files

  /// Changes the backing file's name in the header, without opening the file.
  private static func rebase(_ path: String, to name: String, format: String? = "qcow2") throws {
    // No file of QEMU's is without a format any more: its extension gets a type that nobody knows.
    try QemuTools.image("rebase", "-u", "-f", "qcow2", "-b", name, "-F", format ?? "raw", path)
    guard format == nil else { return }
    var bytes = try Data(contentsOf: URL(filePath: path))
    let place = try #require(bytes.firstRange(of: Data([0xE2, 0x79, 0x2A, 0xCA])))
    bytes.replaceSubrange(place, with: [0x12, 0x34, 0x56, 0x78])
    try bytes.write(to: URL(filePath: path))
  }

  @Test func `backing files lie in the image's folder unless others are allowed`() throws {
    let folder = try TemporaryFolder()
    let outside = try TemporaryFolder()
    for name in [folder.file("base"), outside.file("base")] {
      try QemuTools.image("create", "-q", "-f", "raw", name, "1M")
      try QemuTools.io(name, format: "raw", ["write -P 0x11 0 1M"])
    }
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", "-b", "base", "-F", "raw", path)
    #expect(try Self.byte(try folder.open("image"), at: 9) == 0x11)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link"), withDestinationPath: outside.file("base"))
    for name in [outside.file("base"), "../\(outside.path.split(separator: "/").last ?? "")/base", "link"] {
      try Self.rebase(path, to: name, format: "raw")
      let error = #expect(throws: QcowError.self) { try folder.open("image") }
      #expect(error?.description.contains("outside the image's folder; add backing=any") == true)
      #expect(try Self.byte(try folder.open("image", anywhere: true), at: 9) == 0x11)
    }
  }

  @Test func `a chain that is a circle, too long, of another format or without one is refused`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", path, "1M")
    try QemuTools.image("create", "-q", "-f", "qcow2", "-b", "image", "-F", "qcow2", folder.file("middle"))
    func refusal(_ name: String, _ format: String?) throws -> String? {
      try Self.rebase(path, to: name, format: format)
      return #expect(throws: QcowError.self) { try folder.open("image") }?.description
    }
    #expect(try refusal("image", "qcow2") == "backing file image: damaged: the backing chain is a circle")
    #expect(try refusal("middle", "qcow2") == "backing file image: damaged: the backing chain is a circle")
    #expect(try refusal("nowhere", "raw") == "backing file nowhere: No such file or directory")
    #expect(try refusal("middle", "vmdk") == "backing file middle: the format 'vmdk' is not supported")
    #expect(try refusal("middle", "qcow") == "backing file middle: damaged: the file is not a qcow image")
    try QemuTools.image("create", "-q", "-f", "raw", folder.file("raw"), "1M")
    #expect(try refusal("raw", "qcow2") == "backing file raw: a file without a qcow header is not supported")
    #expect(try refusal("raw", nil)?.contains("qemu-img rebase -u -F raw") == true)
    #expect(
      try refusal("json:{}", "raw")
        == "backing file json:{}: a name that is not a path (json: or a URL) is not supported")
    #expect(try refusal("nbd://host/disk", "raw")?.contains("a name that is not a path") == true)
    try FileManager.default.createDirectory(
      atPath: folder.file("directory"), withIntermediateDirectories: false)
    #expect(
      try refusal("directory", "raw") == "backing file directory: a file that is not regular is not supported"
    )
  }
}

import Testing

@testable import Hypervisor

/// Images that QEMU made, and what QEMU says of images that were changed here.
@Suite(.enabled("needs qemu-img and qemu-io") { QemuTools.isInstalled })
struct QcowCorpusTests {
  /// A kind of image.
  struct Kind: CustomStringConvertible, Sendable {
    let format: String
    /// Options of `qemu-img create`.
    let options: String
    let byteCount: Int
    /// The format of the backing file; nil: none.
    var backing: String?
    /// Whether QEMU writes compressed clusters.
    var isCompressed = false

    var description: String { "\(format) \(options) \(backing ?? "")" }
  }

  static let kinds: [Kind] = [
    Kind(format: "qcow", options: "", byteCount: 1 << 20, isCompressed: true),
    Kind(format: "qcow", options: "", byteCount: 1 << 20, backing: "qcow2"),
    Kind(format: "qcow2", options: "compat=0.10", byteCount: 1 << 20, backing: "raw"),
    Kind(format: "qcow2", options: "cluster_size=512,refcount_bits=16", byteCount: 1 << 20),
    Kind(format: "qcow2", options: "cluster_size=512,refcount_bits=1", byteCount: 1 << 20),
    Kind(format: "qcow2", options: "cluster_size=1k,refcount_bits=2", byteCount: 1 << 20, backing: "raw"),
    Kind(format: "qcow2", options: "cluster_size=2k,refcount_bits=4", byteCount: 1 << 20),
    Kind(format: "qcow2", options: "cluster_size=512,refcount_bits=64", byteCount: 1 << 20, backing: "qcow2"),
    Kind(format: "qcow2", options: "cluster_size=4k,refcount_bits=8,lazy_refcounts=on", byteCount: 1 << 20),
    Kind(format: "qcow2", options: "cluster_size=4k,refcount_bits=32", byteCount: 1 << 20, backing: "qcow"),
    Kind(format: "qcow2", options: "cluster_size=4k", byteCount: 1 << 20, isCompressed: true),
    Kind(
      format: "qcow2", options: "compression_type=zstd,cluster_size=16k", byteCount: 1 << 20,
      isCompressed: true),
    Kind(format: "qcow2", options: "preallocation=metadata", byteCount: 1 << 20),
    Kind(format: "qcow2", options: "cluster_size=2M", byteCount: 5 << 20, backing: "raw"),
  ]

  /// Makes an image with contents of QEMU's.
  private static func make(_ kind: Kind, in folder: TemporaryFolder) throws -> String {
    let image = folder.file("image")
    var arguments = ["create", "-q", "-f", kind.format]
    if !kind.options.isEmpty { arguments += ["-o", kind.options] }
    if let backing = kind.backing {
      // Shorter than the disk.
      let byteCount = kind.byteCount * 5 / 8 / 512 * 512
      try QemuTools.image("create", "-q", "-f", backing, folder.file("base"), "\(byteCount)")
      try QemuTools.io(
        folder.file("base"), format: backing,
        ["write -P 0x11 0 \(byteCount / 1024)k", "write -P 0x22 33k 70k"])
      arguments += ["-b", "base"]
      // Version 1 cannot state the format.
      arguments += ["-F", backing]
    }
    try QemuTools.run("qemu-img", arguments + [image, "\(kind.byteCount)"])
    var commands = [
      "write -P 0x33 5k 3k", "write -P 0x44 100k 130k", "write -P 0x55 300k 512", "write -P 0x66 590k 5k",
    ]
    if kind.isCompressed {
      // Version 1 takes one cluster at a time.
      commands +=
        kind.format == "qcow"
        ? ["write -c -P 0x77 448k 4k", "write -c -P 0x78 452k 4k"]
        : ["write -c -P 0x77 448k 64k", "write -c -P 0x78 512k 64k"]
    }
    if kind.format == "qcow2", !kind.options.contains("0.10") {
      commands += ["write -z 128k 64k", "discard 384k 32k"]
    }
    try QemuTools.io(image, format: kind.format, commands)
    return image
  }

  @Test(arguments: kinds)
  func `an image of QEMU's reads as QEMU reads it`(kind: Kind) throws {
    let folder = try TemporaryFolder()
    _ = try Self.make(kind, in: folder)
    let expected = try folder.converted("image", format: kind.format)
    #expect(try folder.open("image").contents().hasSameBytes(as: expected))
  }

  @Test(arguments: kinds)
  func `an image that was changed at random reads the same in QEMU, which finds nothing wrong`(kind: Kind)
    throws
  {
    let folder = try TemporaryFolder()
    let path = try Self.make(kind, in: folder)
    let model: QcowModel
    do {
      let image = try folder.open("image", isWritable: true)
      model = QcowModel(try image.contents(), seed: 7, lengthLimit: 48 << 10)
      for _ in 0..<60 { try model.step(image) }
      try image.close()
      #expect(try image.contents().hasSameBytes(as: model.contents))
    }
    if kind.format == "qcow2" { try QemuTools.check(path) }
    #expect(try folder.converted("image", format: kind.format).hasSameBytes(as: model.contents))
    // Opened again, it has what was written, and takes more.
    let image = try folder.open("image", isWritable: true)
    #expect(try image.contents().hasSameBytes(as: model.contents))
    for _ in 0..<10 { try model.step(image) }
    try image.close()
    if kind.format == "qcow2" { try QemuTools.check(path) }
  }

  @Test func `a refcount table that is full moves to a larger place`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    // A table of one cluster, with 64 blocks of 64 clusters: 2 MiB.
    try QemuTools.image("create", "-q", "-f", "qcow2", "-o", "cluster_size=512,refcount_bits=64", path, "5M")
    let image = try folder.open("image", isWritable: true)
    let model = QcowModel(try image.contents(), seed: 3, lengthLimit: 4096)
    for start in stride(from: 0, to: 10_240, by: 512) { try model.write(image, start..<start + 512) }
    try image.close()
    try QemuTools.check(path)
    #expect(try folder.converted("image", format: "qcow2").hasSameBytes(as: model.contents))
  }

  @Test func `clusters that were discarded are used again`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", path, "4M")
    let image = try folder.open("image", isWritable: true)
    let model = QcowModel(try image.contents(), seed: 3, lengthLimit: 4096)
    for _ in 0..<8 {
      try model.write(image, 0..<2048)
      try model.zero(image, 0..<2048)
      try model.flush(image)
    }
    try image.close()
    try QemuTools.check(path)
    let byteCount = try folder.contents("image").byteCount
    #expect(byteCount < 3 << 20)
  }
}

import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

@testable import Hypervisor

/// qcow images as disks: opened by path, and served by every engine.
@Suite(.enabled("needs qemu-img and qemu-io") { QemuTools.isInstalled })
struct QcowDiskTests {
  /// Two pieces of memory of different lengths.
  @safe
  private final class Buffer {
    let vectors: UnsafeMutablePointer<iovec>
    let memory = HostBuffer(byteCount: byteCount)
    static let byteCount = (2 << 20) + 1024

    init() {
      let first = 512
      unsafe vectors = .allocate(capacity: 2)
      unsafe vectors.initialize(to: iovec(iov_base: memory.vector(0..<first).base, iov_len: first))
      unsafe (vectors + 1).initialize(
        to: iovec(iov_base: memory.vector(first..<Self.byteCount).base, iov_len: Self.byteCount - first))
    }

    deinit { unsafe vectors.deallocate() }
  }

  private static func open(
    _ path: String, readOnly: Bool = false, direct: Bool = false, options: QcowOptions = QcowOptions()
  ) throws -> DiskImage {
    try DiskImage(path: path, readOnly: readOnly, direct: direct, formats: .qcow(options))
  }

  /// Starts one request and waits for its result.
  private static func perform(
    _ operation: BlockOperation, on image: DiskImage, _ engine: inout BlockEngine, offset: UInt64 = 0,
    byteCount: UInt64 = UInt64(Buffer.byteCount), _ buffer: Buffer = Buffer()
  ) throws -> Int64 {
    let start = unsafe engine.start(
      operation, on: image.handle, vectors: IOVectors(buffer.vectors, count: 2), offset: offset,
      byteCount: byteCount,
      token: 77)
    guard case .pending = start else {
      Issue.record("\(operation) was carried out by the caller")
      return 0
    }
    engine.submit()
    var found: AIOCompletion?
    let arrived = eventually {
      found = engine.reap()
      return found != nil
    }
    #expect(arrived)
    #expect(found?.token == 77)
    return found?.result ?? 0
  }

  @Test(arguments: TestedEngines.movers)
  func `every engine leaves the requests to threads of the image`(kind: BlockEngineKind) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", path, "8M")
    do {
      let image = try Self.open(path)
      #expect(image.handle.byteCount == 8 << 20)
      #expect(image.handle.canDiscard)
      let event = try EventDescriptor()
      var engine = try BlockEngine(kind: kind, capacity: 4, completionEvent: event.rawValue)
      engine.register(disk: image, memory: nil)
      let buffer = Buffer()
      buffer.memory.fill(0..<512, with: 0x11)
      buffer.memory.fill(512..<Buffer.byteCount, with: 0x22)
      #expect(try Self.perform(.write, on: image, &engine, offset: 4096, buffer) == Int64(Buffer.byteCount))
      let wasSignalled = event.isSignalled
      #expect(wasSignalled)
      #expect(try Self.perform(.flush, on: image, &engine, byteCount: 0) == 0)
      #expect(try Self.perform(.discard, on: image, &engine, offset: 65_536, byteCount: 65_536) == 65_536)
      #expect(
        try Self.perform(.durableWrite, on: image, &engine, offset: 4 << 20, buffer)
          == Int64(Buffer.byteCount))
      let other = Buffer()
      #expect(try Self.perform(.read, on: image, &engine, offset: 4 << 20, other) == Int64(Buffer.byteCount))
      #expect(other.memory.hasSameBytes(as: buffer.memory))
      try image.flush()
    }
    try QemuTools.check(path)
    let contents = try folder.converted("image", format: "qcow2")
    #expect(contents.load(UInt8.self, at: 4096 + 511) == 0x11)
    #expect(contents.load(UInt8.self, at: 4096 + 512) == 0x22)
    #expect(contents.load(UInt8.self, at: 65_536) == 0)
    #expect(contents.load(UInt8.self, at: 131_072) == 0x22)
  }

  @Test func `the null engine moves nothing, and an engine that ends waits for its requests`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", path, "8M")
    let image = try Self.open(path)
    let buffer = Buffer()
    buffer.memory.fill(0..<Buffer.byteCount, with: 0x11)
    do {
      var null = try BlockEngine(kind: .null, capacity: 4)
      guard
        case .finished(512) = unsafe null.start(
          .write, on: image.handle, vectors: IOVectors(buffer.vectors, count: 1), offset: 0, byteCount: 512,
          token: 1)
      else {
        Issue.record("the null engine has nothing to wait for")
        return
      }
      var engine = try BlockEngine(kind: .sync, capacity: 4)
      for index in 0..<3 as Range<UInt64> {
        _ = unsafe engine.start(
          .write, on: image.handle, vectors: IOVectors(buffer.vectors, count: 2), offset: index * 2 << 20,
          byteCount: UInt64(Buffer.byteCount), token: index)
      }
    }
    // The memory could be freed now.
    var engine = try BlockEngine(kind: .sync, capacity: 4)
    let other = Buffer()
    #expect(try Self.perform(.read, on: image, &engine, offset: 2 << 20, other) == Int64(Buffer.byteCount))
    #expect(other.memory.hasSameBytes(as: buffer.memory))
  }

  @Test func `what is written without a flush is in the image once it is closed`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", path, "8M")
    do {
      let image = try Self.open(path)
      var engine = try BlockEngine(kind: .sync, capacity: 4)
      let buffer = Buffer()
      buffer.memory.fill(0..<Buffer.byteCount, with: 0x11)
      _ = try Self.perform(.write, on: image, &engine, buffer)
    }
    try QemuTools.check(path)
    #expect(try folder.converted("image", format: "qcow2").load(UInt8.self, at: 2 << 20) == 0x11)
  }

  @Test func `a disk that is only read refuses writes, and a second writer is refused`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", path, "8M")
    try QemuTools.image("snapshot", "-c", "before", path)
    let before = try folder.contents("image")
    do {
      let reader = try Self.open(path, options: QcowOptions(snapshot: "before"))
      #expect(reader.handle.isReadOnly && !reader.handle.canDiscard)
      var engine = try BlockEngine(kind: .sync, capacity: 4)
      for operation in [BlockOperation.write, .durableWrite, .discard, .writeZeroes] {
        #expect(try Self.perform(operation, on: reader, &engine) == -Int64(EBADF))
      }
      #expect(try Self.perform(.flush, on: reader, &engine, byteCount: 0) == 0)
      let writer = try Self.open(path)
      #expect(throws: DiskError.locked(path: path)) { try Self.open(path) }
      try writer.flush()
    }
    #expect(try folder.contents("image").hasSameBytes(as: before))
  }

  @Test func `a backing file cannot be written while an overlay is open`() throws {
    let folder = try TemporaryFolder()
    try QemuTools.image("create", "-q", "-f", "qcow2", folder.file("base"), "8M")
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", path)
    let other = folder.file("other")
    try QemuTools.image("create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", other)
    do {
      let overlays = [try Self.open(path), try Self.open(other)]
      #expect(throws: DiskError.locked(path: folder.file("base"))) { try Self.open(folder.file("base")) }
      #expect(overlays.count == 2)
    }
    let base = try Self.open(folder.file("base"))
    let error = #expect(throws: DiskError.self) { try Self.open(path) }
    #expect(
      error?.description
        == "disk \(path): qcow2 image: backing file base: in use by a guest that writes to it")
    try base.flush()
  }

  @Test func `each refusal is one line with the reason`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", path, "8M")
    func refusal(_ path: String, direct: Bool = false, _ formats: DiskFormats) -> String? {
      #expect(throws: DiskError.self) {
        try DiskImage(path: path, readOnly: true, direct: direct, formats: formats)
      }?.description
    }
    #expect(
      refusal(path, .raw)
        == "disk \(path): qcow2 image, but a raw image is needed; convert it with 'qemu-img convert -O raw \(path) NEW'"
    )
    #expect(
      refusal(path, direct: true, .qcow(QcowOptions()))
        == "disk \(path): qcow2 image, which cannot be opened with O_DIRECT; use --no-direct, or leave out direct"
    )
    #expect(
      refusal(path, .qcow(QcowOptions(snapshot: "x")))
        == "disk \(path): qcow2 image: it has no snapshot 'x'; 'qemu-img snapshot -l' lists them")
    let raw = folder.file("raw")
    try folder.write("raw", HostBuffer(byteCount: 4096))
    #expect(
      refusal(raw, .qcow(QcowOptions(snapshot: "x")))
        == "disk \(raw): snapshot= needs a qcow2 image, and this is a raw one")
    #expect(
      try DiskImage(path: path, readOnly: true, direct: false, formats: .anyAsRaw).handle.byteCount < 1 << 20)
  }

  @Test func `the sandbox learns the files behind an image, and of no others`() throws {
    let folder = try TemporaryFolder()
    try QemuTools.image("create", "-q", "-f", "raw", folder.file("base"), "8M")
    try QemuTools.image("create", "-q", "-f", "qcow2", "-b", "base", "-F", "raw", folder.file("middle"))
    try QemuTools.image("create", "-q", "-f", "qcow2", "-b", "middle", "-F", "qcow2", folder.file("image"))
    let formats = DiskFormats.qcow(QcowOptions())
    #expect(
      DiskImage.backingFiles(of: folder.file("image"), formats: formats)
        == [folder.file("middle"), folder.file("base")])
    #expect(DiskImage.backingFiles(of: folder.file("base"), formats: formats) == [])
    #expect(DiskImage.backingFiles(of: folder.file("nothing"), formats: formats) == [])
    #expect(DiskImage.backingFiles(of: folder.file("image"), formats: .anyAsRaw) == [])
    #expect(DiskImage.qcowByteCount(of: folder.file("image")) == 8 << 20)
    #expect(DiskImage.qcowByteCount(of: folder.file("base")) == nil)
    // A chain that cannot be opened: the files up to the failure, which the image's own error then names.
    try QemuTools.image(
      "rebase", "-u", "-b", folder.file("image"), "-F", "qcow2", folder.file("middle"))
    #expect(DiskImage.backingFiles(of: folder.file("image"), formats: formats) == [folder.file("middle")])
  }

  /// Several threads at once, which read, write and discard within their own parts of the disk.
  @Test func `requests of several threads do not disturb each other`() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("image")
    try QemuTools.image("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", path, "4M")
    let image = try folder.open("image", isWritable: true)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for part in 0..<4 as Range<UInt64> {
        group.addTask {
          let buffer = HostBuffer(byteCount: 20_480)
          for round in 0..<40 as Range<UInt64> {
            let offset = part << 20 + (round * 37 % 40) * 20_480
            let byte = UInt8(part * 40 + round) | 1
            buffer.fill(buffer.all, with: byte)
            try image.write(buffer, buffer.all, at: offset)
            if round % 8 == 0 { try image.flush() }
            buffer.zero(buffer.all)
            try image.read(buffer, buffer.all, at: offset)
            #expect(buffer.bytes(buffer.all).allSatisfy { $0 == byte })
            if round % 5 == 0 { try image.zero(at: offset, byteCount: 8192) }
          }
        }
      }
      try await group.waitForAll()
    }
    try image.close()
    try QemuTools.check(path)
  }
}

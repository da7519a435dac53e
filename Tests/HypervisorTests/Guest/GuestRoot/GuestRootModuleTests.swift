import Foundation
import Testing

@testable import Hypervisor

@Suite("A kernel's modules")
struct GuestRootModuleTests {
  private let folder: TemporaryFolder

  // Lists as depmod writes them: of a line's modules, the last must be loaded first.
  init() throws {
    folder = try TemporaryFolder()
    try folder.write(
      "6.1/modules.dep",
      """
      kernel/drivers/virtio/virtio_ring.ko:
      kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
      kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
      kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
      kernel/drivers/char/virtio-rng.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
      kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz
      kernel/fs/virtio_pci/other.ko:

      """)
    for name in [
      "virtio/virtio_ring.ko", "virtio/virtio.ko", "virtio/virtio_pci.ko", "block/virtio_blk.ko",
      "char/virtio-rng.ko",
    ] { try folder.write("6.1/kernel/drivers/\(name)", "") }
    try folder.write("6.1/modules.builtin", "kernel/net/9p/9pnet_virtio.ko\nkernel/fs/9p/9p.ko\n")
  }

  private func names(for kinds: [GuestModuleKind]) throws -> [String] {
    try KernelModules(release: "6.1", root: folder.path).files(for: kinds).map {
      $0.replacing("\(folder.path)/6.1/kernel/", with: "")
    }
  }

  @Test func `dependencies come before their module, each once`() throws {
    #expect(
      try names(for: [.virtioPCI, .blockDevice]) == [
        "drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio.ko", "drivers/virtio/virtio_pci.ko",
        "drivers/block/virtio_blk.ko",
      ])
  }

  @Test func `a hyphen in a file's name is an underscore in the module's`() throws {
    #expect(try names(for: [.entropy]).last == "drivers/char/virtio-rng.ko")
  }

  @Test func `a built-in module has no file`() throws {
    #expect(try names(for: [.ninePFS]) == [])
  }

  @Test func `what the guest can do without may be missing`() throws {
    #expect(try names(for: [.balloon, .fuse]) == [])
  }

  @Test func `what the guest can do without is left out if a file of it is missing, but not what it needs`()
    throws
  {
    let whole = try names(for: [.virtioPCI, .entropy])
    try FileManager.default.removeItem(atPath: "\(folder.path)/6.1/kernel/drivers/char/virtio-rng.ko")
    #expect(try names(for: [.virtioPCI, .entropy]) == Array(whole.dropLast()))
    try FileManager.default.removeItem(atPath: "\(folder.path)/6.1/kernel/drivers/virtio/virtio_pci.ko")
    #expect(try names(for: [.virtioPCI]).last == "drivers/virtio/virtio_pci.ko")
  }

  @Test func `what it needs may not, and the error names it`() throws {
    let error = GuestRootError.missingModule(name: "virtio_net", purpose: "its network", release: "6.1")
    #expect(throws: error) { try names(for: [.network]) }
    #expect(error.description == "kernel 6.1 has no module virtio_net, which the guest needs for its network")
  }

  @Test func `a compressed module is taken, and one of an unknown compression refused by its path`() throws {
    #expect(try names(for: [.ext4]) == ["fs/jbd2/jbd2.ko.xz", "fs/ext4/ext4.ko.xz"])
    let lists = try String(contentsOfFile: "\(folder.path)/6.1/modules.dep", encoding: .utf8)
    try folder.write("6.1/modules.dep", lists.replacing(".ko.xz", with: ".ko.br"))
    #expect(throws: GuestRootError.compressedModule(path: "\(folder.path)/6.1/kernel/fs/jbd2/jbd2.ko.br")) {
      try names(for: [.ext4])
    }
  }

  @Test(arguments: [("xz --check=crc32", "xz"), ("zstd -q", "zst"), ("gzip", "gz")])
  func `a compressed module is in the initramfs as it was before, and a damaged one is refused`(
    command: String, suffix: String
  ) throws {
    let module = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 97 &* 31) }
    try Data(module).write(to: URL(filePath: "\(folder.path)/m.ko"))
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-c", "\(command) \(folder.path)/m.ko"]
    try shell.run()
    shell.waitUntilExit()
    try #require(shell.terminationStatus == 0)
    let path = "\(folder.path)/m.ko.\(suffix)"
    #expect(try ModuleCompression(path: path)?.contents(of: path) == module)
    let initramfs = try Initramfs(initProgram: [], moduleFiles: [path], task: nil)
    let entry = initramfs.entries.first { $0.path == "modules/m.ko" }
    guard case .bytes(let bytes) = entry?.contents else {
      Issue.record("no modules/m.ko: \(initramfs.entries.map(\.path))")
      return
    }
    #expect(bytes == module)
    let compressed = try Data(contentsOf: URL(filePath: path))
    for length in [0, 1, 20, compressed.count / 2, compressed.count - 1] {
      try compressed.prefix(length).write(to: URL(filePath: path))
      #expect(throws: GuestRootError.self) { try ModuleCompression(path: path)?.contents(of: path) }
    }
  }

  @Test func `a kernel without lists has no modules`() throws {
    #expect(throws: GuestRootError.noModules(release: "6.2", path: "\(folder.path)/6.2/modules.dep")) {
      try KernelModules(release: "6.2", root: folder.path)
    }
  }

  @Test func `lists that are cut off are read as far as they go`() throws {
    let whole = try String(contentsOfFile: "\(folder.path)/6.1/modules.dep", encoding: .utf8)
    for length in stride(from: 0, to: whole.utf8.count, by: 5) {
      try folder.write("6.1/modules.dep", String(whole.utf8.prefix(length)) ?? "")
      let files = try? names(for: [.virtioPCI])
      #expect((files ?? []).count <= 3)
    }
  }

  private static let installed =
    (try? FileManager.default.contentsOfDirectory(atPath: "/lib/modules"))?.sorted() ?? []

  @Test(arguments: installed)
  func `an installed kernel has all that its guests need, and modprobe agrees with the order`(release: String)
    throws
  {
    let files = try KernelModules(release: release).files(for: GuestModuleKind.allCases)
    #expect(Set(files).count == files.count)
    for file in files { #expect(FileManager.default.isReadableFile(atPath: file)) }

    // modprobe prints "insmod PATH" in its order: in ours each module stands behind what it depends on, too.
    let modprobe = Process()
    modprobe.executableURL = URL(filePath: "/sbin/modprobe")
    guard FileManager.default.isExecutableFile(atPath: "/sbin/modprobe") else { return }
    modprobe.arguments = ["-S", release, "--show-depends", "9p"]
    let output = Pipe()
    modprobe.standardOutput = output
    try modprobe.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    modprobe.waitUntilExit()
    let expected = text.split(separator: "\n").compactMap { line in
      line.hasPrefix("insmod ") ? String(line.dropFirst(7)).trimmingCharacters(in: .whitespaces) : nil
    }
    let positions = expected.map { files.firstIndex(of: $0) }
    #expect(!positions.contains(nil), "\(expected)")
    #expect(positions.last == positions.compactMap(\.self).max())
  }
}

import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import TestSupport
import Testing

@Suite struct DiskImageTests {
  @Test func `an image is as long as its whole blocks`() throws {
    let disk = VirtioTemporaryDisk(byteCount: 512 * 5 + 100)
    let image = try DiskImage(path: disk.path, readOnly: false, direct: false)
    #expect(image.handle.byteCount == 512 * 5)
    #expect(image.handle.blockByteCount == 512)
    #expect(!image.handle.isReadOnly)
    #expect(!image.handle.isDirect)
    #expect(image.path == disk.path)
  }

  @Test func `an image opened with O_DIRECT has the block that the file system asks for`() throws {
    let disk = VirtioTemporaryDisk(byteCount: 16384)
    let image = try DiskImage(path: disk.path, readOnly: true, direct: true)
    #expect(image.handle.isDirect)
    #expect(image.handle.isReadOnly)
    // Where the kernel does not say, the block was found by reading.
    let told = try DirectIO.alignment(of: image.handle.descriptor)?.unit
    #expect((told.map { [$0] } ?? [512, 4096]).contains(image.handle.blockByteCount))
    #expect(image.handle.byteCount == 16384)
  }

  @Test func `two disks have different identities, and one disk always the same`() throws {
    let first = VirtioTemporaryDisk(byteCount: 512)
    let second = VirtioTemporaryDisk(byteCount: 512)
    let identities = try [first, second, first].map {
      try DiskImage(path: $0.path, readOnly: true, direct: false).identity
    }
    #expect(identities[0] != identities[1])
    #expect(identities[0] == identities[2])
    #expect(identities.allSatisfy { $0.count == 20 })
  }

  @Test func `an image has one writer, and any number of readers`() throws {
    let disk = VirtioTemporaryDisk(byteCount: 512)
    do {
      let writer = try DiskImage(path: disk.path, readOnly: false, direct: false)
      #expect(throws: DiskError.locked(path: disk.path)) {
        try DiskImage(path: disk.path, readOnly: false, direct: false)
      }
      let readers = try (0..<2).map { _ in try DiskImage(path: disk.path, readOnly: true, direct: false) }
      #expect(readers.map(\.path) == [writer.path, writer.path])
    }
    #expect(try DiskImage(path: disk.path, readOnly: false, direct: false).handle.byteCount == 512)
  }

  @Test func `a missing file is refused with its path`() {
    let path = "/tmp/vext-no-such-disk"
    let error = DiskError.cannotOpen(path: path, .noSuchFileOrDirectory)
    #expect(throws: error) { try DiskImage(path: path, readOnly: false, direct: false) }
    #expect(error.description.contains(path))
  }

  @Test(arguments: ["/tmp", "/dev/null", "/dev/zero"])
  func `only files and block devices are accepted`(path: String) {
    #expect(throws: DiskError.notADisk(path: path)) {
      try DiskImage(path: path, readOnly: true, direct: false)
    }
  }

  @Test(
    arguments: [
      (0, [0x51, 0x45, 0x44, 0], ImageFormat.qed), (0, Array("KDMV".utf8), .vmdk),
      (64, [0x7F, 0x10, 0xDA, 0xBE], .vdi), (0, Array("vhdxfile".utf8), .vhdx),
      (8192 - 512, Array("conectix".utf8), .vhd), (0, [0x1F, 0x8B, 8], .gzip),
    ] as [(Int, [UInt8], ImageFormat)])
  func `an image of another format is refused, unless its bytes are asked for`(
    offset: Int, mark: [UInt8], format: ImageFormat
  ) throws {
    let disk = VirtioTemporaryDisk(byteCount: 8192)
    let file = unsafe try FileDescriptor.open(disk.path, .writeOnly)
    _ = try file.writeAll(toAbsoluteOffset: Int64(offset), mark)
    try file.close()
    let error = DiskError.foreignFormat(path: disk.path, format)
    #expect(throws: error) { try DiskImage(path: disk.path, readOnly: false, direct: false) }
    #expect(error.description.contains(format.rawValue))
    let image = try DiskImage(path: disk.path, readOnly: false, direct: false, formats: .anyAsRaw)
    #expect(image.handle.byteCount == 8192)
  }

  @Test(arguments: [0, 1, 511])
  func `a file smaller than one block is refused`(byteCount: Int) {
    let disk = VirtioTemporaryDisk(byteCount: byteCount)
    #expect(
      throws: DiskError.tooSmall(path: disk.path, byteCount: UInt64(byteCount), blockByteCount: 512)
    ) { try DiskImage(path: disk.path, readOnly: false, direct: false) }
  }

  @Test func `a file that may not be written is refused for writing and opened for reading`() async {
    // Root may write whatever the mode says, so the child gives that up.
    await #expect(processExitsWith: .success) {
      let disk = VirtioTemporaryDisk(byteCount: 4096)
      #expect(unsafe chmod(disk.path, 0o444) == 0)
      if geteuid() == 0 { #expect(seteuid(65534) == 0) }
      #expect(throws: DiskError.readOnly(path: disk.path)) {
        try DiskImage(path: disk.path, readOnly: false, direct: false)
      }
      let image = try DiskImage(path: disk.path, readOnly: true, direct: false)
      #expect(image.handle.byteCount == 4096)
      if getuid() == 0 { #expect(seteuid(0) == 0) }
    }
  }

  @Test func `a file system takes O_DIRECT, or the refusal names the image`() throws {
    let path = "/dev/shm/vext-direct-\(getpid())"
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    try #require(descriptor >= 0)
    defer {
      close(descriptor)
      unsafe unlink(path)
    }
    #expect(ftruncate(descriptor, 8192) == 0)
    // tmpfs refuses O_DIRECT up to Linux 6.5 and takes it from 6.6 on.
    do throws(DiskError) {
      let image = try DiskImage(path: path, readOnly: false, direct: true)
      #expect(image.handle.isDirect)
    } catch {
      #expect(error == .directRefused(path: path))
      #expect(error.description.contains("--no-direct"))
    }
    #expect(try DiskImage(path: path, readOnly: false, direct: false).handle.byteCount == 8192)
  }

  @Test(
    arguments: [
      (0, 4096, true), (4096, 0, true), (0, 4097, false), (4095, 1, true), (4096, 1, false), (4097, 0, false),
      (.max, 1, false), (1, .max, false), (0, .max, false),
    ] as [(UInt64, UInt64, Bool)])
  func `a range lies on the disk or not, without wrapping`(offset: UInt64, byteCount: UInt64, isInside: Bool)
    throws
  {
    let disk = VirtioTemporaryDisk(byteCount: 4096)
    let handle = try DiskImage(path: disk.path, readOnly: true, direct: false).handle
    #expect(handle.contains(offset: offset, byteCount: byteCount) == isInside)
  }

  @Test func `a file on a file system with holes can be discarded from, and a disk that is only read cannot`()
    throws
  {
    let disk = VirtioTemporaryDisk(byteCount: 5000)
    #expect(try DiskImage(path: disk.path, readOnly: false, direct: false).handle.canDiscard)
    #expect(!(try DiskImage(path: disk.path, readOnly: true, direct: false).handle.canDiscard))
    #expect(disk.read(0, 8192) == VirtioTemporaryDisk.pattern(0, 5000))
  }

  /// ramfs has no fallocate(2).
  @Test(.enabled("needs root, to mount a file system") { getuid() == 0 })
  func `neither queue offers discard where the host's file system cannot punch holes`() throws {
    var template = Array("/tmp/vext-ramfs-XXXXXX".utf8CString)
    // SAFETY: the template ends in a zero byte.
    let made = unsafe mkdtemp(&template) != nil
    try #require(made)
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unsafe rmdir(folder) }
    let mounted = unsafe mount("none", folder, "ramfs", 0, nil)
    try #require(mounted == 0)
    defer { unsafe umount(folder) }
    let path = "\(folder)/disk"
    let file = try OwnedDescriptor.open(path, flags: O_CREAT | O_RDWR, mode: 0o600)
    let sized = ftruncate(file.rawValue, 1 << 20)
    try #require(sized == 0)
    let image = try DiskImage(path: path, readOnly: false, direct: false)
    #expect(!image.handle.canDiscard)
    let memory = try GuestMemory(byteCount: 8 << 20)
    let server = try SteppedQueueServer(engine: .sync, polling: false, capacity: 16)
    let block = VirtioBlock(disk: image, queueCount: 1, memory: memory, servers: [server])
    #expect(block.features.rawValue & (1 << 13 | 1 << 14) == 1 << 14)
    // The limits of discard, and whether write-zeroes may unmap.
    #expect(block.configuration[36..<48].allSatisfy { $0 == 0 })
    #expect(block.configuration[56] == 0)
  }
}

import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

@Suite struct MappingTests {
  private let pageByteCount = Mapping.pageByteCount

  @Test("pages become resident as they are touched")
  func residency() throws {
    let mapping = try Mapping.anonymous(byteCount: 16 * pageByteCount)
    #expect(try mapping.residentByteCount() == 0)
    unsafe mapping.base.storeBytes(of: 1, toByteOffset: 3 * pageByteCount, as: UInt8.self)
    #expect(try mapping.residentByteCount() == pageByteCount)
    try mapping.prefault()
    #expect(try mapping.residentByteCount() == 16 * pageByteCount)
    #expect(unsafe mapping.base.load(fromByteOffset: 3 * pageByteCount, as: UInt8.self) == 1)
    #expect(unsafe mapping.base.load(fromByteOffset: 15 * pageByteCount, as: UInt8.self) == 0)
  }

  @Test(
    "large mappings start at a huge page, and all of them is there",
    arguments: [2 << 20, 5 << 20, (2 << 20) + 1])
  func hugePages(byteCount: Int) throws {
    let mapping = try Mapping.anonymous(byteCount: byteCount)
    #expect(unsafe Int(bitPattern: mapping.base) % (2 << 20) == 0)
    #expect(mapping.byteCount == byteCount)
    do {
      try mapping.adviseHugePages()
    } catch {
      #expect(error == .invalidArgument, "only a kernel without huge pages refuses them")
    }
    try mapping.prefault()
    #expect(try mapping.residentByteCount() >= byteCount)
    unsafe mapping.base.storeBytes(of: 0xA5, toByteOffset: byteCount - 1, as: UInt8.self)
  }

  @Test("a mapping of nothing, or of more than there is room for, is refused")
  func impossibleSizes() {
    #expect(throws: Errno.invalidArgument) { _ = try Mapping.anonymous(byteCount: 0) }
    #expect(throws: Errno.invalidArgument) { _ = try Mapping.anonymous(byteCount: -1) }
    #expect(throws: Errno.noMemory) { _ = try Mapping.anonymous(byteCount: .max) }
    #expect(throws: Errno.noMemory) { _ = try Mapping.anonymous(byteCount: 1 << 62) }
    #expect(throws: Errno.badFileDescriptor) { _ = try Mapping.shared(descriptor: -1, byteCount: 4096) }
  }

  @Test("what is written to a shared mapping reaches the file")
  func sharedMapping() throws {
    let file = try TemporaryFile(byteCount: 2 * pageByteCount)
    let mapping = try Mapping.shared(
      descriptor: file.descriptor.rawValue, byteCount: pageByteCount, offset: Int64(pageByteCount))
    unsafe mapping.base.storeBytes(of: 0x5A, as: UInt8.self)
    var byte: UInt8 = 0
    #expect(unsafe pread(file.descriptor.rawValue, &byte, 1, pageByteCount) == 1)
    #expect(byte == 0x5A)
  }

  @Test("memory bound to a node comes from it")
  func binding() throws {
    let mapping = try Mapping.anonymous(byteCount: 8 * pageByteCount)
    let node = try mapping.node(ofPageAt: 0)
    try mapping.bind(toNode: node)
    try mapping.prefault()
    #expect(try mapping.node(ofPageAt: 7 * pageByteCount) == node)
    #expect(throws: Errno.invalidArgument) { try mapping.bind(toNode: 1000) }
    #expect(throws: Errno.invalidArgument) { try mapping.bind(toNode: -1) }
    #expect(throws: Errno.invalidArgument) { try mapping.bind(toNode: 1 << 40) }
    #expect(throws: Errno.invalidArgument) { _ = try mapping.node(ofPageAt: 8 * pageByteCount) }
  }

  @Test("the memory is given back at the end of its owner's life")
  func release() throws {
    let address = try unsafe addressOfMappingThatEnded(byteCount: 64 << 20)
    var state: UInt8 = 0
    // ENOMEM: nothing is mapped there. The middle is checked, because another test may map something small.
    #expect(unsafe mincore(address + (32 << 20), pageByteCount, &state) == -1)
  }

  private func addressOfMappingThatEnded(byteCount: Int) throws -> UnsafeMutableRawPointer {
    let mapping = try Mapping.anonymous(byteCount: byteCount)
    return unsafe mapping.base
  }
}

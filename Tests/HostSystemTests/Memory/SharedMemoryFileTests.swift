import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

@Suite struct SharedMemoryFileTests {
  /// What a peer may pass instead of a sealed file of memory.
  enum Foreign: CaseIterable {
    case regularFile, pipe, socket, directory, unsealed, shrinkable, growable, sealedAgainstWriting,
      sealedAgainstFutureWriting, readOnly, hugePages

    var unfit: SharedMemoryFile.Unfit {
      switch self {
      case .regularFile, .pipe, .socket, .directory: .notMemory
      case .unsealed, .shrinkable, .growable: .notSealed
      case .sealedAgainstWriting, .sealedAgainstFutureWriting: .sealedAgainstWriting
      case .readOnly: .notWritable
      case .hugePages: .hugePages
      }
    }

    private static func memory(seals: Int32, hugePages: Bool = false) -> Int32 {
      unsafe linux_sealed_memory_file("foreign", hugePages ? 2 << 20 : 4096, seals, hugePages ? 1 : 0)
    }

    func make() throws -> OwnedDescriptor {
      let shrink = LINUX_F_SEAL_SHRINK
      let grow = LINUX_F_SEAL_GROW
      let number: Int32
      switch self {
      case .regularFile: number = unsafe open("/proc/self/exe", O_RDONLY)
      case .directory: number = unsafe open("/", O_RDONLY)
      case .pipe:
        var ends: [Int32] = [0, 0]
        _ = unsafe Glibc.pipe(&ends)
        close(ends[0])
        number = ends[1]
      case .socket: number = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      case .unsealed: number = Self.memory(seals: 0)
      case .shrinkable: number = Self.memory(seals: grow)
      case .growable: number = Self.memory(seals: shrink)
      case .sealedAgainstWriting: number = Self.memory(seals: shrink | grow | LINUX_F_SEAL_WRITE)
      case .sealedAgainstFutureWriting: number = Self.memory(seals: shrink | grow | LINUX_F_SEAL_FUTURE_WRITE)
      case .readOnly:
        let memory = Self.memory(seals: shrink | grow)
        number = unsafe open("/proc/self/fd/\(memory)", O_RDONLY)
        close(memory)
      case .hugePages: number = Self.memory(seals: shrink | grow, hugePages: true)
      }
      try #require(number >= 0)
      return OwnedDescriptor(adopting: number)
    }
  }

  @Test(arguments: Foreign.allCases)
  func `a file that could take pages away, or is no memory, is refused`(_ foreign: Foreign) throws {
    #expect(throws: foreign.unfit) { _ = try SharedMemoryFile(checking: foreign.make()).byteCount }
  }

  @Test func `a file of our own passes the check, and its size stays`() throws {
    let file = try SharedMemoryFile(name: "test", byteCount: 3 * 4096)
    #expect(ftruncate(file.descriptor, 0) != 0)
    #expect(ftruncate(file.descriptor, 1 << 20) != 0)
    let copy = try SharedMemoryFile(checking: OwnedDescriptor(adopting: dup(file.descriptor)))
    #expect(copy.byteCount == 3 * 4096)
  }

  @Test func `a hole reads as zeroes everywhere`() throws {
    let file = try SharedMemoryFile(name: "test", byteCount: 4096)
    let first = try Mapping.shared(descriptor: file.descriptor, byteCount: 4096)
    let second = try Mapping.shared(descriptor: file.descriptor, byteCount: 4096)
    unsafe first.base.storeBytes(of: 0x5A, as: UInt8.self)
    #expect(unsafe second.base.load(as: UInt8.self) == 0x5A)
    try file.punchHole(offset: 0, byteCount: 4096)
    #expect(unsafe second.base.load(as: UInt8.self) == 0)
  }
}

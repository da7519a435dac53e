import HostSystem
import SystemPackage
import Testing

#if canImport(Glibc)
  import Glibc
#endif

struct ProcessTests {
  @Test("a descriptor of a process is copied: both see one file")
  func copiedDescriptor() throws {
    let file = try MemoryFile(name: "test", byteCount: 4096)
    let process = try ProcessDescriptor(process: getpid())
    let copy = try process.copy(ofDescriptor: file.descriptor)
    #expect(copy.rawValue != file.descriptor)
    let mapping = try Mapping.shared(descriptor: file.descriptor, byteCount: 4096)
    let other = try Mapping.shared(descriptor: copy.rawValue, byteCount: 4096)
    unsafe mapping.base.storeBytes(of: 0x5A, as: UInt8.self)
    #expect(unsafe other.base.load(as: UInt8.self) == 0x5A)
  }

  @Test("a descriptor that the process does not have, and a process that is not there, are errors")
  func absent() throws {
    let process = try ProcessDescriptor(process: getpid())
    let failure = #expect(throws: Errno.self) { _ = try process.copy(ofDescriptor: 1_000_000) }
    #expect(failure == .badFileDescriptor)
    let missing = #expect(throws: Errno.self) { _ = try ProcessDescriptor(process: 4_194_305) }
    #expect(missing == .noSuchProcess)
  }

  @Test("a memory file is opened by its path for as long as its owner lives")
  func memoryFile() throws {
    let file = try MemoryFile(name: "test", byteCount: 8192)
    _ = try OwnedDescriptor.open(file.path, flags: O_RDWR)
  }

  @Test("a thread that is not there cannot be pinned")
  func foreignThread() {
    let failure = #expect(throws: Errno.self) {
      try ForeignThread(id: 4_194_305).pin(to: HostThread.currentCPUs())
    }
    #expect(failure == .noSuchProcess)
  }
}

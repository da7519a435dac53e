import CLinux
import Glibc
import HostSystem
import SystemPackage
import VextProtocol

/// An open file whose headers are copied out and whose payload is read straight into guest memory.
struct BootFile: ~Copyable, Sendable {
  let subject: BootError.Subject
  let byteCount: UInt64
  private let descriptor: OwnedDescriptor

  /// Opens a regular file that is not empty.
  init(_ subject: BootError.Subject) throws(BootError) {
    let path =
      switch subject {
      case .kernel(let path), .initrd(let path), .firmware(let path): path
      }
    let descriptor: OwnedDescriptor
    do throws(Errno) {
      // Without O_NONBLOCK, opening a FIFO would block until a writer opens it.
      descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
    } catch {
      throw .cannotOpen(subject, error)
    }
    let status: linux_file_status
    do throws(Errno) { status = try DirectoryFiles.status(of: descriptor.rawValue) } catch {
      throw .cannotOpen(subject, error)
    }
    guard status.mode & S_IFMT == S_IFREG else { throw .notARegularFile(subject) }
    guard status.byte_count > 0 else { throw .empty(subject) }
    self.descriptor = descriptor
    self.subject = subject
    byteCount = status.byte_count
  }

  /// Throws unless the file has at least `end` bytes.
  func require(through end: UInt64) throws(BootError) {
    guard end <= byteCount else { throw .truncated(subject, byteCount: byteCount, neededByteCount: end) }
  }

  /// Returns the `count` bytes at `offset`, or fewer if the file ends before.
  func prefix(_ count: Int, at offset: UInt64 = 0) throws(BootError) -> [UInt8] {
    guard offset < byteCount else { return [] }
    let buffer = HostBuffer(byteCount: Int(min(UInt64(count), byteCount - offset)))
    try read(offset, into: buffer.vector(buffer.all))
    return buffer.bytes(buffer.all)
  }

  /// Reads `byteCount` bytes at `offset` into RAM; the headers' check showed that the file has them.
  ///
  /// - Returns: whether the run at `address` is RAM.
  func load(
    at offset: UInt64, byteCount: UInt64, into memory: GuestMemory, at address: UInt64
  ) throws(BootError) -> Bool {
    guard let target = memory.map.vector(GuestAddress(address), byteCount: byteCount) else {
      return false
    }
    let overlaid = overlay(at: offset, byteCount: byteCount, into: memory, at: address)
    var rest = target
    rest.removeFirst(Int(overlaid))
    try read(offset + overlaid, into: rest)
    return true
  }

  /// Maps the whole pages of a run that has the same alignment in the file and in memory, in constant time.
  ///
  /// - Returns: number of mapped bytes; 0 if the pages cannot be mapped.
  private func overlay(
    at offset: UInt64, byteCount: UInt64, into memory: GuestMemory, at address: UInt64
  ) -> UInt64 {
    let page = GuestMemory.pageByteCount
    let whole = byteCount / page * page
    guard whole > 0, offset % page == 0, address % page == 0 else { return 0 }
    do throws(Errno) {
      try memory.overlay(
        descriptor: descriptor.rawValue, fileOffset: offset, at: GuestAddress(address), byteCount: whole)
      return whole
    } catch {
      // The file system has no mmap; the pages are read instead.
      return 0
    }
  }

  private func read(_ offset: UInt64, into target: IOVector) throws(BootError) {
    let count: Int
    do throws(Errno) { count = try target.fill(from: descriptor.rawValue, at: offset) } catch {
      throw .readFailed(subject, error)
    }
    // The file has become shorter since it was opened.
    guard count == target.byteCount else {
      throw .truncated(
        subject, byteCount: offset + UInt64(count), neededByteCount: offset + UInt64(target.byteCount))
    }
  }
}

import CFuse
import SystemPackage

/// A request as the kernel has sent it, for what libfuse 3.14 does not know.
///
/// Its bytes are there until the thread receives the next one.
struct KernelRequest {
  let header: fuse_in_header
  private let body: BlockMemory
  private let device: Int32
  private let ring: FuseRing?

  /// Nil for a message that is shorter than a header.
  ///
  /// - Parameters:
  ///   - message: What read(2) on /dev/fuse gives.
  ///   - device: The descriptor of /dev/fuse.
  ///   - ring: The ring by which the request came; nil if it was read from the device.
  init?(_ message: BlockMemory, device: Int32, ring: FuseRing?) {
    let headerByteCount = fuse_in_header.byteCount
    guard message.count >= headerByteCount else { return nil }
    header = message.load()
    body = message.slice(headerByteCount, message.count - headerByteCount)
    self.device = device
    self.ring = ring
  }

  /// The structure that the request begins with. Throws `EINVAL` if it is shorter.
  func argument<Argument: WireValue>(as type: Argument.Type = Argument.self) throws(Errno) -> Argument {
    guard body.count >= Argument.byteCount else { throw .invalidArgument }
    return body.load()
  }

  // A failure to answer is ignored, because the kernel has given the request up.

  func fail(_ error: Errno) {
    _ = FuseConnection.answer(device, ring, unique: header.unique, error: error, Span())
  }

  func succeed() { _ = FuseConnection.answer(device, ring, unique: header.unique, error: nil, Span()) }

  /// False if the kernel has given the request up.
  @discardableResult
  func answer<Answer: WireValue>(_ answer: Answer) -> Bool {
    answer.withBytes { FuseConnection.answer(device, ring, unique: header.unique, error: nil, $0) }
  }

  /// The kernel holds a reference to the inode until RELEASE, unless it has given the request up.
  func answer(created entry: fuse_entry_param, _ inode: OpenInode, flags: UInt32) {
    let file = FileHandle(retaining: inode)
    if answer(FuseConnection.created(entry, file: file.number, flags: flags)) { file.keep() }
  }
}

extension FuseServer {
  /// Answers a request that libfuse does not know. False for all others, which libfuse gets afterwards.
  func answer(_ request: KernelRequest, _ thread: ServingThread) -> Bool {
    let header = request.header
    thread.resources.caller =
      fakesRoot
      ? .root
      : Caller(user: header.uid, group: header.gid, process: Int32(bitPattern: header.pid))
    do throws(Errno) {
      switch header.opcode {
      case UInt32(CFUSE_WRITE):
        thread.writeFlags = try request.argument(as: fuse_write_in.self).write_flags
        return false
      case UInt32(CFUSE_READDIR), UInt32(CFUSE_READDIRPLUS):
        thread.listingFlags = Int32(bitPattern: try request.argument(as: fuse_read_in.self).flags)
        return false
      case UInt32(CFUSE_INIT):
        negotiation.receive(try request.argument(), number: request.header.unique)
        return false
      case UInt32(CFUSE_TMPFILE): try answerUnnamedFile(request, thread.resources)
      case UInt32(CFUSE_STATX): try answerStatistics(request, thread.resources)
      case UInt32(CFUSE_SYNCFS):
        try fileSystem.synchronizeAll(thread.resources)
        request.succeed()
      default: return false
      }
    } catch {
      request.fail(error)
    }
    return true
  }

  /// TMPFILE (Linux 6.1): a file for `O_TMPFILE`, which is open at once.
  private func answerUnnamedFile(_ request: KernelRequest, _ resources: ServingResources) throws(Errno) {
    let argument = try request.argument(as: fuse_create_in.self)
    let new = NewInode(
      mode: UInt16(truncatingIfNeeded: argument.mode) & 0o7777 | 0o100000, user: request.header.uid,
      group: request.header.gid, umask: UInt16(truncatingIfNeeded: argument.umask))
    let found = try fileSystem.createUnnamed(
      in: Self.inodeNumber(request.header.nodeid), new, resources)
    let inode = fileSystem.openInode(found.number)
    request.answer(
      created: Self.entry(found), inode, flags: openFlags(Int32(bitPattern: argument.flags)))
  }

  /// STATX: the kernel asks for it, not for GETATTR, where the time of birth is wanted.
  private func answerStatistics(_ request: KernelRequest, _ resources: ServingResources) throws(Errno) {
    let number = try Self.inodeNumber(request.header.nodeid)
    let (status, birth) = try fileSystem.attributesAndBirth(of: number, resources)
    request.answer(
      FuseConnection.statistics(status, birth: birth, validSeconds: UInt64(Self.timeout)))
  }
}

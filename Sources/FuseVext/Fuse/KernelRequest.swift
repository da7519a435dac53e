import CFuse
import SystemPackage

/// A request as the kernel has sent it, for what libfuse 3.14 does not know.
///
/// Its bytes are there until the thread receives the next one.
@safe
struct KernelRequest {
  let header: fuse_in_header
  private let body: UnsafeRawBufferPointer
  private let device: Int32

  /// - Parameters:
  ///   - message: What was read from the device; nil if it is shorter than a header.
  ///   - device: The descriptor of /dev/fuse.
  init?(_ message: UnsafeRawBufferPointer, device: Int32) {
    let headerByteCount = MemoryLayout<fuse_in_header>.size
    guard message.count >= headerByteCount else { return nil }
    header = unsafe message.loadUnaligned(as: fuse_in_header.self)
    unsafe body = UnsafeRawBufferPointer(rebasing: message[headerByteCount...])
    self.device = device
  }

  /// The structure that the request begins with. Throws `EINVAL` if it is shorter.
  func argument<Argument: BitwiseCopyable>(as type: Argument.Type = Argument.self) throws(Errno) -> Argument {
    guard unsafe body.count >= MemoryLayout<Argument>.size else { throw .invalidArgument }
    return unsafe body.loadUnaligned(as: Argument.self)
  }

  // A failure to answer is ignored, because the kernel has given the request up.

  func fail(_ error: Errno) { _ = cfuse_answer(device, header.unique, -error.rawValue, nil, 0) }

  func succeed() { _ = cfuse_answer(device, header.unique, 0, nil, 0) }

  /// False if the kernel has given the request up.
  @discardableResult
  func answer<Answer: BitwiseCopyable>(_ answer: Answer) -> Bool {
    unsafe withUnsafeBytes(of: answer) { bytes in
      unsafe cfuse_answer(device, header.unique, 0, bytes.baseAddress, bytes.count) == 0
    }
  }
}

extension FuseServer {
  /// Answers a request that libfuse does not know. False for all others, which libfuse gets afterwards.
  func answer(_ request: KernelRequest, _ thread: ServingThread) -> Bool {
    let header = request.header
    thread.worker.caller =
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
        agreement.receive(try request.argument(), number: request.header.unique)
        return false
      case UInt32(CFUSE_TMPFILE): try answerUnnamedFile(request, thread.worker)
      case UInt32(CFUSE_STATX): try answerStatistics(request, thread.worker)
      case UInt32(CFUSE_SYNCFS):
        try fileSystem.synchronizeAll(thread.worker)
        request.succeed()
      default: return false
      }
    } catch {
      request.fail(error)
    }
    return true
  }

  /// TMPFILE (Linux 6.1): a file for `O_TMPFILE`, which is open at once.
  private func answerUnnamedFile(_ request: KernelRequest, _ worker: Worker) throws(Errno) {
    let argument = try request.argument(as: fuse_create_in.self)
    let new = NewInode(
      mode: UInt16(truncatingIfNeeded: argument.mode) & 0o7777 | 0o100000, user: request.header.uid,
      group: request.header.gid, umask: UInt16(truncatingIfNeeded: argument.umask))
    let found = try fileSystem.createUnnamed(
      in: Self.inodeNumber(request.header.nodeid), new, worker)
    let file = Self.handle(retaining: fileSystem.openInode(found.number))
    var entry = Self.entry(found)
    let answer = unsafe cfuse_created_of(&entry, file, openFlags(Int32(bitPattern: argument.flags)))
    if !request.answer(answer) { Self.releaseHandle(file) }
  }

  /// STATX: the kernel asks for it, not for GETATTR, where the time of birth is wanted.
  private func answerStatistics(_ request: KernelRequest, _ worker: Worker) throws(Errno) {
    let number = try Self.inodeNumber(request.header.nodeid)
    let (status, birth) = try fileSystem.attributesAndBirth(of: number, worker)
    let seconds = UInt64(Self.timeout)
    var attributes = status
    if var birth {
      request.answer(unsafe cfuse_statx_of(&attributes, &birth, seconds))
    } else {
      request.answer(unsafe cfuse_statx_of(&attributes, nil, seconds))
    }
  }
}

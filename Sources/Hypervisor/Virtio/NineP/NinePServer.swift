import CLinux
public import SystemPackage

/// Answers 9P2000.L requests for one share: a session, its fids, and what they stand for.
///
/// It knows messages as bytes in memory and nothing of how they travel. A guest wrote them: each is copied once (but for
/// the data of reads and writes, which goes between file and buffers directly), only the copy is read, and whatever
/// it says is answered, at worst with an error. Requests are served in order, each wholly before the next: Tflush never
/// finds its request unanswered.
///
/// One thread at a time.
public final class NinePServer: @unchecked Sendable {
  let share: NinePShare
  /// The agreed size of messages in bytes; 0 before Tversion.
  var messageLimit = 0
  var fids: [UInt32: NinePFid] = [:]
  /// What the fids stand for.
  let nodes: NinePNodeTable
  var devices: NinePDeviceTable
  /// Locks of a read-only share.
  var locks = NinePLockTable()
  /// Bytes announced by attributes that are being written.
  var pendingAttributeByteCount = 0
  /// The request's data beyond what was copied, and where to put the answer's.
  private(set) var request: NinePBuffers
  private(set) var reply: NinePBuffers
  /// Bytes of the request behind the header of Twrite.
  private(set) var dataByteCount = 0
  /// Bytes of the answer that are in the reply's buffers already, behind its data header.
  var payloadByteCount = 0
  /// The copy of the request.
  private let head = HostBuffer(untouchedByteCount: NinePProtocol.requestHeadLimit)
  private let answer = HostBuffer(
    untouchedByteCount: NinePProtocol.dataHeaderByteCount + NinePProtocol.copiedDataLimit)
  /// For entries and attributes on their way.
  let scratch = HostBuffer(untouchedByteCount: NinePProtocol.copiedDataLimit)
  /// For preadv and pwritev; as many as the kernel takes.
  let vectors: FixedTable<IOVector>

  /// A server without a session.
  ///
  /// - Parameter descriptorLimit: the descriptors of the process, a part of which the session may have; nil: as many as
  ///   the process may have (RLIMIT_NOFILE).
  /// - Throws: ENOMEM.
  public init(share: NinePShare, descriptorLimit: Int? = nil) throws(Errno) {
    vectors = try FixedTable(emptyVectors: 1024)
    self.share = share
    nodes = NinePNodeTable(
      share: share, descriptorLimit: descriptorLimit ?? Int(clamping: linux_descriptor_limit()))
    devices = NinePDeviceTable(root: share.root.device)
    request = NinePBuffers(IOVectors())
    reply = NinePBuffers(IOVectors())
  }

  /// Ends the session: every fid is forgotten, every descriptor closed.
  public func reset() {
    fids.removeAll()
    locks = NinePLockTable()
    pendingAttributeByteCount = 0
    messageLimit = 0
  }

  /// Serves one message.
  ///
  /// - Parameters:
  ///   - message: All of it, its size field included; it may be anything.
  ///   - replyByteCount: Room for the answer in bytes.
  /// - Returns: the answer; empty where not even an error has room.
  public func handle(message: [UInt8], replyByteCount: Int) -> [UInt8] {
    let (input, output) = (HostBuffer(message), HostBuffer(byteCount: max(replyByteCount, 0)))
    guard let lists = try? FixedTable<IOVector>(emptyVectors: 2) else { return [] }
    lists[0] = input.vector(input.all)
    lists[1] = output.vector(output.all)
    let count = handle(
      NinePBuffers(lists.vectors(from: 0, count: 1)), reply: NinePBuffers(lists.vectors(from: 1, count: 1)))
    // The server must not use them later.
    (request, reply) = (NinePBuffers(IOVectors()), NinePBuffers(IOVectors()))
    withExtendedLifetime((input, output)) {}
    withExtendedLifetime(lists) {}
    return output.bytes(0..<count)
  }

  /// Serves one message.
  ///
  /// - Returns: the bytes of the answer that were put into `reply`; 0 where not even an error has room.
  func handle(_ request: NinePBuffers, reply: NinePBuffers) -> Int {
    self.request = request
    self.reply = reply
    payloadByteCount = 0
    defer { nodes.trim() }
    let copied = request.copyOut(from: 0, to: head, 0..<NinePProtocol.writeHeaderByteCount)
    var reader = NinePReader(head, byteCount: copied)
    var writer = NinePWriter(answer)
    var header = NinePHeader()
    do throws(Errno) {
      header = try NinePHeader(&reader)
      let request = NinePRequest(rawValue: header.type)
      reader.setEnd(try copyRest(of: request, header, copiedByteCount: copied))
      try serve(request, &reader, &writer)
      let limit = messageLimit == 0 ? NinePProtocol.messageByteLimits.lowerBound : messageLimit
      guard writer.byteCount + payloadByteCount <= min(reply.byteCount, limit) else {
        throw .messageTooLong
      }
      writer.finish(type: header.type &+ 1, tag: header.tag, payloadByteCount: payloadByteCount)
    } catch {
      payloadByteCount = 0
      guard reply.byteCount >= NinePProtocol.dataHeaderByteCount else { return 0 }
      writer.fail(error, tag: header.tag)
    }
    reply.copyIn(from: answer, 0..<writer.byteCount)
    return writer.byteCount + payloadByteCount
  }

  /// Copies what a request has beyond the header of Twrite, whose data stay where they are.
  ///
  /// - Returns: how many bytes of the request are in the copy.
  private func copyRest(
    of request: NinePRequest?, _ header: NinePHeader, copiedByteCount: Int
  ) throws(Errno) -> Int {
    let byteCount = Int(header.byteCount)
    guard byteCount >= NinePProtocol.headerByteCount, byteCount <= self.request.byteCount else {
      throw .protocolError
    }
    dataByteCount = max(0, byteCount - NinePProtocol.writeHeaderByteCount)
    guard request == .version || messageLimit > 0 else { throw .protocolError }
    guard messageLimit == 0 || byteCount <= messageLimit else { throw .messageTooLong }
    guard request != .write, byteCount > copiedByteCount else { return min(byteCount, copiedByteCount) }
    guard byteCount <= NinePProtocol.requestHeadLimit else { throw .messageTooLong }
    return copiedByteCount
      + self.request.copyOut(from: copiedByteCount, to: head, copiedByteCount..<byteCount)
  }

  private func serve(
    _ request: NinePRequest?, _ reader: inout NinePReader, _ writer: inout NinePWriter
  ) throws(Errno) {
    guard let request else { throw .notSupported }
    guard !(share.isReadOnly && request.changesShare) else { throw .readOnlyFileSystem }
    switch request {
    case .version: try version(&reader, &writer)
    case .auth: throw .notSupported
    case .attach: try attach(&reader, &writer)
    case .flush: _ = try reader.number(UInt16.self)
    case .walk: try walk(&reader, &writer)
    case .clunk: try clunk(&reader)
    case .lopen: try lopen(&reader, &writer)
    case .lcreate: try lcreate(&reader, &writer)
    case .read: try read(&reader, &writer)
    case .write: try write(&reader, &writer)
    case .fsync: try fsync(&reader)
    case .readdir: try readdir(&reader, &writer)
    case .statfs: try statfs(&reader, &writer)
    case .getattr: try getattr(&reader, &writer)
    case .setattr: try setattr(&reader)
    case .readlink: try readlink(&reader, &writer)
    case .symlink: try symlink(&reader, &writer)
    case .mknod: try mknod(&reader, &writer)
    case .mkdir: try mkdir(&reader, &writer)
    case .link: try link(&reader)
    case .rename: try rename(&reader)
    case .renameat: try renameat(&reader)
    case .unlinkat: try unlinkat(&reader)
    case .remove: try remove(&reader)
    case .xattrwalk: try xattrwalk(&reader, &writer)
    case .xattrcreate: try xattrcreate(&reader)
    case .lock: try lock(&reader, &writer)
    case .getlock: try getlock(&reader, &writer)
    }
  }
}

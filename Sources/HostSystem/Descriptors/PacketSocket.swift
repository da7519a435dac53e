import CLinux
public import SystemPackage

/// A Unix socket that keeps the bounds of messages and carries descriptors (`SOCK_SEQPACKET`, `SCM_RIGHTS`), nonblocking and
/// closed on exec. One thread at a time.
public struct PacketSocket: ~Copyable, Sendable {
  /// Descriptors that one packet carries at most.
  public static let descriptorLimit = Int(LINUX_PACKET_DESCRIPTOR_LIMIT)

  private let socket: UnixSocket

  private init(_ socket: consuming UnixSocket) { self.socket = socket }

  /// Takes over a nonblocking socket of this kind that somebody else made.
  public init(adopting descriptor: consuming OwnedDescriptor) { socket = UnixSocket(descriptor) }

  private init(adopting number: Int32) { self.init(adopting: OwnedDescriptor(adopting: number)) }

  /// The descriptor's number, for ``EventPoll``.
  public var rawValue: Int32 { socket.rawValue }

  /// A socket that listens at `path`. `EADDRINUSE` if the file exists.
  ///
  /// - Parameter isOpenToAll: Whether every user may connect; otherwise the file's owner alone may.
  public static func listening(
    path: String, isOpenToAll: Bool, backlog: Int32 = 64
  ) throws(Errno) -> PacketSocket {
    PacketSocket(
      adopting: try NamedFiles.listenForPackets(path, backlog: backlog, isOpenToAll: isOpenToAll))
  }

  /// Takes over a listening socket of this kind that the process inherited. `EINVAL` for anything else.
  public static func inherited(_ number: Int32) throws(Errno) -> PacketSocket {
    try check(linux_packet_inherit(number))
    return PacketSocket(adopting: number)
  }

  /// A connection. `ECONNREFUSED` if nobody listens, `EAGAIN` if too many others wait.
  public static func connected(path: String) throws(Errno) -> PacketSocket {
    PacketSocket(adopting: try NamedFiles.connectForPackets(path))
  }

  /// Takes a waiting connection. `EAGAIN` if there is none.
  public func accept() throws(Errno) -> PacketSocket { PacketSocket(try socket.accept()) }

  /// Waits until a packet can be received or accepted from, as ``UnixSocket/wait(forWriting:wakeDescriptor:deadline:)``.
  public func wait(
    wakeDescriptor: Int32? = nil, deadline: UInt64? = nil
  ) throws(Errno) -> UnixSocket.Readiness {
    try socket.wait(wakeDescriptor: wakeDescriptor, deadline: deadline)
  }

  /// Sends one packet, with copies of `descriptors`. `EAGAIN` if there is no room: the peer does not read.
  public func send(_ bytes: [UInt8], descriptors: [Int32] = []) throws(Errno) {
    try check(DescriptorBytes.send(socket.rawValue, bytes[...], descriptors: descriptors))
  }

  /// Lets the peer see the end of what is sent (`shutdown(2)`); it can still send.
  public func endSending() { linux_socket_end_sending(socket.rawValue) }

  /// Receives one packet of at most `byteLimit` bytes; an empty one at the end. `EAGAIN` if none has come yet, `EMSGSIZE` for
  /// one that is longer or carries more than ``descriptorLimit`` descriptors.
  public func receive(byteLimit: Int) throws(Errno) -> ReceivedPacket {
    let received = DescriptorBytes.receivePacket(socket.rawValue, byteLimit: byteLimit)
    // Before the result is judged: the descriptors are ours, and are closed with the packet.
    let packet = ReceivedPacket(bytes: received.bytes, adopting: received.descriptors)
    try check(received.result)
    return packet
  }

  /// Who is at the other end.
  public func peer() throws(Errno) -> SocketPeer { try SocketPeer(ofSocket: socket.rawValue) }
}

/// A packet, which owns the descriptors that came with it.
public struct ReceivedPacket: ~Copyable, Sendable {
  /// Its bytes.
  public let bytes: [UInt8]
  private var numbers: [Int32]

  init(bytes: [UInt8], adopting numbers: [Int32]) {
    self.bytes = bytes
    self.numbers = numbers
  }

  /// Descriptors that were not taken yet.
  public var descriptorCount: Int { numbers.count }

  /// Gives the first descriptor that was not taken yet to the caller.
  public mutating func takeDescriptor() -> OwnedDescriptor? {
    numbers.isEmpty ? nil : OwnedDescriptor(adopting: numbers.removeFirst())
  }

  deinit { for number in numbers { _ = linux_close(number) } }
}

/// A process at the other end of a Unix socket, as it was when it connected (`SO_PEERCRED`, `SO_PEERGROUPS`).
public struct SocketPeer: Sendable, Equatable {
  static let groupLimit = 256

  /// The process.
  public let processID: Int32
  /// Its effective user.
  public let userID: UInt32
  /// Its effective group, then its supplementary groups.
  public let groupIDs: [UInt32]

  /// The peer of a connected socket.
  init(ofSocket descriptor: Int32) throws(Errno) {
    let peer = try DescriptorBytes.peer(of: descriptor)
    // A peer with more groups than are read has the rights of its user and its primary group.
    let groups = DescriptorBytes.peerGroups(of: descriptor, limit: Self.groupLimit)
    self.init(processID: peer.process, userID: peer.user, groupIDs: [peer.group] + groups)
  }

  /// A peer.
  public init(processID: Int32, userID: UInt32, groupIDs: [UInt32]) {
    self.processID = processID
    self.userID = userID
    self.groupIDs = groupIDs
  }
}

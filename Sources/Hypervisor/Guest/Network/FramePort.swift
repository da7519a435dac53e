import CLinux
public import HostSystem
import Synchronization
public import SystemPackage

/// A descriptor on which one read is one Ethernet frame and one write is one: a queue of a tap, or a socket.
///
/// Reading is for one thread at a time, and so is writing.
public final class FramePort: Sendable {
  /// What is behind the descriptor.
  public enum Kind: Hashable, Sendable {
    /// A socket that keeps the bounds of messages, SOCK_SEQPACKET or SOCK_DGRAM.
    case socket
    /// A tap or macvtap; where it `carriesHeader`, a virtio header (virtio 1.2 §5.1.6) is before each frame.
    case tap(carriesHeader: Bool)
    /// One of several queues of a tap, a virtio header before each frame.
    case tapQueue
  }

  /// What the reader takes of frames that lack a checksum or are longer than the link's frames.
  struct Offloads: OptionSet {
    let rawValue: UInt32
    static let checksum = Offloads(rawValue: LINUX_TAP_CHECKSUM)
    static let segmentation4 = Offloads(rawValue: LINUX_TAP_SEGMENTATION_4)
    static let segmentation6 = Offloads(rawValue: LINUX_TAP_SEGMENTATION_6)
  }

  /// What is behind the descriptor.
  public let kind: Kind
  private let descriptor: OwnedDescriptor
  private let takesPart = Atomic<Bool>(true)

  /// Takes over a descriptor, and makes it nonblocking.
  public init(adopting descriptor: consuming OwnedDescriptor, kind: Kind) throws(Errno) {
    self.kind = kind
    self.descriptor = descriptor
    try check(linux_set_nonblocking(self.descriptor.rawValue))
  }

  /// A socket pair: a port for a device, and the other end for who plays the network.
  public static func socketPair() throws(Errno) -> (port: FramePort, peer: FramePort) {
    let (first, second) = try NetworkInterface.socketPair()
    let peer = OwnedDescriptor(adopting: second)
    return try (
      FramePort(adopting: OwnedDescriptor(adopting: first), kind: .socket),
      FramePort(adopting: peer, kind: .socket)
    )
  }

  /// The descriptor's number, for polling.
  public var rawValue: Int32 { descriptor.rawValue }

  /// Whether a virtio header is before each frame.
  public var carriesHeader: Bool {
    switch kind {
    case .socket: false
    case .tap(let carriesHeader): carriesHeader
    case .tapQueue: true
    }
  }

  /// Reads one frame.
  ///
  /// - Returns: its bytes, for a socket even where it had more than there was room for; 0 when a socket's other end is
  ///   closed; -errno, EAGAIN where there is no frame.
  public func read(into vectors: IOVectors) -> Int {
    switch kind {
    case .socket: vectors.receiveMessage(from: rawValue)
    case .tap, .tapQueue: vectors.read(from: rawValue)
    }
  }

  /// Writes one frame.
  ///
  /// - Returns: its bytes, or -errno; EAGAIN where there is no room.
  public func write(_ vectors: IOVectors) -> Int {
    switch kind {
    case .socket: vectors.sendMessage(to: rawValue)
    case .tap, .tapQueue: vectors.write(to: rawValue)
    }
  }

  /// Ends the connection of a socket in both directions: the other end reads 0.
  public func end() {
    switch kind {
    case .socket: linux_socket_end(rawValue)
    case .tap, .tapQueue: break
    }
  }

  /// Agrees with a tap on the header before each frame, and on what may be in it (TUNSETVNETHDRSZ, TUNSETOFFLOAD).
  func agree(headerByteCount: Int, offloads: Offloads) throws(Errno) {
    guard carriesHeader else { return }
    try check(linux_tap_set_header(rawValue, Int32(clamping: headerByteCount)))
    try check(linux_tap_set_offloads(rawValue, offloads.rawValue))
  }

  /// Lets one of several queues of a tap take part, or not: a tap hands no frames to one that does not (TUNSETQUEUE).
  func takePart(_ takesPart: Bool) throws(Errno) {
    guard kind == .tapQueue, self.takesPart.exchange(takesPart, ordering: .relaxed) != takesPart else {
      return
    }
    try check(linux_tap_set_attached(rawValue, takesPart ? 1 : 0))
  }
}

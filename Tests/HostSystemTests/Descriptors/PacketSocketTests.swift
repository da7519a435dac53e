import CLinux
import Glibc
import HostSystem
import SystemPackage
import Testing

@Suite struct PacketSocketTests {
  /// Two ends of one connection.
  private final class Ends {
    let first: PacketSocket
    let second: PacketSocket

    init() throws {
      var (first, second): (Int32, Int32) = (-1, -1)
      try #require(unsafe linux_frame_socket_pair(&first, &second) == 0)
      self.first = PacketSocket(adopting: OwnedDescriptor(adopting: first))
      self.second = PacketSocket(adopting: OwnedDescriptor(adopting: second))
    }
  }

  /// Whether both descriptors are of the same file.
  private static func isSameFile(_ first: Int32, _ second: Int32) -> Bool {
    var (one, two) = (stat(), stat())
    guard unsafe fstat(first, &one) == 0, unsafe fstat(second, &two) == 0 else { return false }
    return one.st_ino == two.st_ino && one.st_dev == two.st_dev
  }

  @Test func `packets keep their bounds and carry descriptors`() throws {
    let file = try SharedMemoryFile(name: "packet", byteCount: 4096)
    let ends = try Ends()
    try ends.first.send([1, 2, 3], descriptors: [file.descriptor, 0])
    try ends.first.send([4])
    var packet = try ends.second.receive(byteLimit: 16)
    let (bytes, count) = (packet.bytes, packet.descriptorCount)
    #expect(bytes == [1, 2, 3])
    #expect(count == 2)
    guard let taken = packet.takeDescriptor() else { throw Errno.badFileDescriptor }
    let isSame = Self.isSameFile(taken.rawValue, file.descriptor)
    #expect(isSame)
    let flags = fcntl(taken.rawValue, F_GETFD)
    #expect(flags & FD_CLOEXEC != 0)
    let next = try ends.second.receive(byteLimit: 16).bytes
    #expect(next == [4])
    #expect(throws: Errno.wouldBlock) { _ = try ends.second.receive(byteLimit: 16).bytes }
  }

  @Test func `descriptors that nobody takes are closed with their packet`() throws {
    var pipeEnds: [Int32] = [0, 0]
    try #require(unsafe pipe(&pipeEnds) == 0)
    defer { close(pipeEnds[0]) }
    let ends = try Ends()
    try ends.first.send([1], descriptors: [pipeEnds[1]])
    close(pipeEnds[1])
    let count = try ends.second.receive(byteLimit: 16).descriptorCount
    #expect(count == 1)
    // The pipe has lost its last writer.
    var byte: UInt8 = 0
    #expect(unsafe read(pipeEnds[0], &byte, 1) == 0)
  }

  @Test func `a packet that is too long is refused, and its descriptors are closed`() throws {
    var pipeEnds: [Int32] = [0, 0]
    try #require(unsafe pipe(&pipeEnds) == 0)
    defer { close(pipeEnds[0]) }
    let ends = try Ends()
    try ends.first.send([UInt8](repeating: 7, count: 17), descriptors: [pipeEnds[1]])
    close(pipeEnds[1])
    #expect(throws: Errno.messageTooLong) { _ = try ends.second.receive(byteLimit: 16).bytes }
    var byte: UInt8 = 0
    #expect(unsafe read(pipeEnds[0], &byte, 1) == 0)
  }

  @Test func `a packet cannot carry more descriptors than the limit`() throws {
    let ends = try Ends()
    let many = [Int32](repeating: 0, count: PacketSocket.descriptorLimit + 1)
    #expect(throws: Errno.invalidArgument) { try ends.first.send([1], descriptors: many) }
  }

  @Test func `the end of a peer is an empty packet`() throws {
    let ends = try Ends()
    ends.first.endSending()
    let readiness = try ends.second.wait()
    #expect(readiness == .ready)
    let end = try ends.second.receive(byteLimit: 16).bytes
    #expect(end.isEmpty)
    // The other direction still works.
    try ends.second.send([9])
    let answer = try ends.first.receive(byteLimit: 16).bytes
    #expect(answer == [9])
  }

  @Test func `a listener reports the peer's credentials`() throws {
    let path = "/tmp/vext-packet-\(getpid()).sock"
    let listener = try PacketSocket.listening(path: path, isOpenToAll: false)
    defer { _ = unsafe unlink(path) }
    #expect(throws: Errno.addressInUse) {
      _ = try PacketSocket.listening(path: path, isOpenToAll: false).rawValue
    }
    let client = try PacketSocket.connected(path: path)
    let peer = try listener.accept().peer()
    let number = client.rawValue
    #expect(number >= 0)
    #expect(peer.processID == getpid())
    #expect(peer.userID == geteuid())
    #expect(peer.groupIDs.first == getegid())
  }
}

import Glibc
import HostSystem
import Hypervisor
import SystemPackage
import VextProtocol

/// A vhost-user front end of vextd: the messages that start a ring, changed, in another order, or cut short. Another front end is
/// answered afterwards.
final class VhostUserTarget: FuzzTarget {
  /// Requests of the protocol that the target sends.
  private enum Request {
    static let getFeatures: UInt32 = 1
    static let setFeatures: UInt32 = 2
    static let setMemory: UInt32 = 5
    static let setSize: UInt32 = 8
    static let setAddress: UInt32 = 9
    static let setBase: UInt32 = 10
    static let getBase: UInt32 = 11
    static let setKick: UInt32 = 12
    static let setCall: UInt32 = 13
    static let setProtocolFeatures: UInt32 = 16
    static let setEnabled: UInt32 = 18
    static let getConfiguration: UInt32 = 24
    static let getInflight: UInt32 = 31
  }

  private static let timeoutNanoseconds: UInt64 = 5_000_000_000
  private static let memoryByteCount: UInt64 = 1 << 20

  private let service: VextService
  private let thread: IOThread
  private let memory: GuestMemory
  private let kick: EventDescriptor
  private let call: EventDescriptor

  init(directory: ScratchDirectory) throws {
    let path = directory.file("disk")
    let file = try FileDescriptor.open(
      FilePath(path), .readWrite, options: [.create, .truncate], permissions: .ownerReadWrite)
    try file.closeAfter { _ = try file.writeAll([UInt8](repeating: 7, count: 65_536)) }
    thread = try IOThread(name: "fuzz-io", cpus: nil, waiting: .adaptive, engine: .sync)
    let image = try DiskImage(path: path, readOnly: true, direct: false)
    guard let disk = VextServiceDisk(name: "disk", image: image, ownerID: geteuid()) else {
      throw Errno.invalidArgument
    }
    service = try VextService(disks: [disk], servers: [thread], engine: .sync)
    memory = try GuestMemory(byteCount: Self.memoryByteCount, isShared: true)
    kick = try EventDescriptor()
    call = try EventDescriptor()
  }

  deinit {
    service.stop()
    thread.stop()
  }

  func run(_ input: inout FuzzInput) throws {
    let words = (0..<64).map { _ in input.word() }
    for (index, word) in words.enumerated() {
      // What the rings hold is the guest's, and anything.
      try memory.store(word, at: GuestAddress(UInt64(index % 8) * 4096 + UInt64(index / 8) * 8))
    }
    let client = try connect()
    do throws(Errno) {
      for message in messages(&input) {
        try client.send(
          message.bytes, descriptors: message.descriptors,
          deadline: HostClock.monotonicNanoseconds() + Self.timeoutNanoseconds)
      }
      kick.signal()
    } catch {
      // It was sent away for a message before.
      guard error == .brokenPipe || error == .connectionReset else { throw error }
    }
    client.end()
    try checkService()
  }

  private func connect() throws -> DescriptorStream {
    var other: OwnedDescriptor?
    let stream = try DescriptorStream(other: &other)
    guard let other = other.take() else { throw Errno.badFileDescriptor }
    service.addVhostUser(DescriptorStream(adopting: other), disk: "disk")
    return stream
  }

  /// The start of a ring, with changes.
  private func messages(_ input: inout FuzzInput) -> [(bytes: [UInt8], descriptors: [Int32])] {
    let descriptor = memory.sharedDescriptor ?? -1
    func long(_ values: [UInt64]) -> [UInt8] { values.flatMap { Self.bytes($0) } }
    let index = UInt64(input.below(3))
    var plan: [(request: UInt32, payload: [UInt64], descriptors: [Int32])] = [
      (Request.setProtocolFeatures, [input.changed(1 << 3, oneIn: 4)], []),
      (Request.setFeatures, [input.changed(1 << 32 | 1 << 30 | 1 << 28 | 1 << 29, oneIn: 8)], []),
      (
        Request.setMemory,
        [
          input.changed(1, oneIn: 8), 0, input.changed(Self.memoryByteCount, oneIn: 8),
          input.changed(1 << 40, oneIn: 8), input.changed(0, oneIn: 8),
        ], [descriptor]
      ),
      (Request.setSize, [index | UInt64(input.pick([1, 8, 64, 1024, input.below(1 << 16)])) << 32], []),
      (Request.setBase, [index | UInt64(input.below(1 << 17)) << 32], []),
      (
        Request.setAddress,
        [
          index, input.changed(1 << 40, oneIn: 8), input.changed(1 << 40 | 0x4000, oneIn: 8),
          input.changed(1 << 40 | 0x8000, oneIn: 8), 0,
        ], []
      ),
      (Request.setCall, [input.changed(index, oneIn: 8)], [call.rawValue]),
      (Request.setKick, [input.changed(index, oneIn: 8)], [kick.rawValue]),
      (Request.setEnabled, [index | 1 << 32], []),
      (Request.getBase, [index], []),
      (Request.getInflight, [0, 0, input.interesting()], []),
      (Request.getConfiguration, [input.interesting(), input.interesting()], []),
    ]
    if input.happens(oneIn: 4) { plan.swapAt(input.below(plan.count), input.below(plan.count)) }
    if input.happens(oneIn: 4) { plan += plan.suffix(input.below(plan.count)) }
    return plan.map { entry in
      let request = input.changed(entry.request, oneIn: 16)
      let payload = long(entry.payload)
      let byteCount = input.changed(UInt32(payload.count), oneIn: 16)
      let flags = input.changed(UInt32(1), oneIn: 16)
      let descriptors = input.happens(oneIn: 16) ? [descriptor, kick.rawValue] : entry.descriptors
      return (Self.bytes(request) + Self.bytes(flags) + Self.bytes(byteCount) + payload, descriptors)
    }
  }

  /// Another front end is answered.
  private func checkService() throws {
    let client = try connect()
    let deadline = HostClock.monotonicNanoseconds() + Self.timeoutNanoseconds
    try client.send(Self.bytes(Request.getFeatures) + [1, 0, 0, 0, 0, 0, 0, 0], deadline: deadline)
    let reply = try client.receive(byteCount: 20, deadline: deadline)
    try FuzzFailure.check(
      reply.bytes.starts(with: [1, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0]), "a reply is \(reply.bytes)")
  }

  private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> Number($0 * 8)) }
  }
}

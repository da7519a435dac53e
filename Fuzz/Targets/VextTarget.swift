import Hypervisor
import SystemPackage
import TestSupport
import VextProtocol

/// The vext queue: registers in any order, and entries that were good before one field or another was changed.
///
/// Whatever was done, after a reset a sound entry is answered.
final class VextTarget: FuzzTarget {
  private static let memoryByteCount: UInt64 = 4 << 20
  private static let diskByteCount = 1 << 16
  private static let queueCount = 2
  private static let depth: UInt32 = 16
  private static let rings: UInt64 = 0x1_0000
  private static let ringStride: UInt64 = 0x1000
  private static let lists: UInt64 = 0x8_0000
  private static let data: UInt64 = 0x10_0000

  private let image: DiskImage

  init(directory: ScratchDirectory) throws {
    image = try DiskImage(
      path: try directory.makeDisk(byteCount: Self.diskByteCount), readOnly: false, direct: false)
  }

  func run(_ input: inout FuzzInput) throws {
    let memory = try GuestMemory(byteCount: Self.memoryByteCount)
    let server = try SteppedQueueServer(
      engine: SteppedQueueServer.engine(&input), polling: true, capacity: 64)
    let device = try makeDevice(memory, server, sleeps: input.happens(oneIn: 2))
    if input.happens(oneIn: 2) {
      device.writeBAR(0, offset: VextRegister.driverFeatures, byteCount: 8, value: UInt64(input.below(4)))
    }
    defer { device.shutDown() }
    var producers: [VextSubmissionProducer] = []
    for queue in 0..<Self.queueCount { producers.append(try enable(queue, device, memory)) }
    while !input.isExhausted {
      let queue = input.below(Self.queueCount)
      switch input.below(8) {
      case 0: access(device, &input)
      case 1
      where input.happens(oneIn: 4) || read(.state, queue, device) != UInt64(VextQueueState.enabled.rawValue):
        write(.control, queue, 0, device)
        producers[queue] = try enable(queue, device, memory)
      default:
        for _ in 0...input.below(4) {
          let entry = try makeEntry(memory, &input)
          producers[queue].push(entry)
        }
        if input.happens(oneIn: 8) {
          let words = Self.rings + UInt64(queue + 1) * Self.ringStride - VextWakeBlock.byteCount
          try memory.store(
            input.interesting(UInt64.self), at: GuestAddress(words + UInt64(input.below(16)) * 8))
        }
        server.pass()
      }
    }
    try checkSoundEntry(device, server, memory)
  }

  /// A device that offers sleep and wake, or one that does not.
  private func makeDevice(
    _ memory: GuestMemory, _ server: SteppedQueueServer, sleeps: Bool
  ) throws -> VextDevice {
    guard sleeps else {
      return VextDevice(
        name: "fuzz", disk: image, queueCount: Self.queueCount, memory: memory, servers: [server])
    }
    return try VextDevice(
      name: "fuzz", disk: image, queueCount: Self.queueCount, memory: memory, servers: [server],
      interruptRouter: VirtioEventRecorder(checksMessages: true))
  }

  /// Zeroes a queue's rings, registers them and enables it.
  private func enable(_ queue: Int, _ device: VextDevice, _ memory: GuestMemory) throws
    -> VextSubmissionProducer
  {
    let ring = Self.rings + UInt64(queue) * Self.ringStride
    try memory.write([UInt8](repeating: 0, count: Int(Self.ringStride)), at: GuestAddress(ring))
    write(.submissionRing, queue, ring, device)
    write(.completionRing, queue, ring + Self.ringStride / 2, device)
    write(.depth, queue, UInt64(Self.depth), device)
    write(.wakeBlock, queue, ring + Self.ringStride - VextWakeBlock.byteCount, device)
    write(.control, queue, 1, device)
    guard let base = unsafe memory.map.hostPointer(GuestAddress(ring), byteCount: Self.ringStride) else {
      throw FuzzFailure("the rings are not in memory")
    }
    // SAFETY: `memory` outlives the producers, and the ring is all of its depth.
    return unsafe VextSubmissionProducer(ring: base, depth: Self.depth)
  }

  private static func byteCount(_ register: VextQueueRegister) -> Int {
    switch register {
    case .submissionRing, .completionRing, .errorDetail, .wakeBlock: 8
    case .depth, .control, .state, .error, .doorbell, .yield: 4
    }
  }

  private func write(_ register: VextQueueRegister, _ queue: Int, _ value: UInt64, _ device: VextDevice) {
    device.writeBAR(
      0, offset: VextRegister.queue(UInt16(queue), register), byteCount: Self.byteCount(register),
      value: value)
  }

  private func read(_ register: VextQueueRegister, _ queue: Int, _ device: VextDevice) -> UInt64 {
    device.readBAR(
      0, offset: VextRegister.queue(UInt16(queue), register), byteCount: Self.byteCount(register))
  }

  private func access(_ device: VextDevice, _ input: inout FuzzInput) {
    let register = input.pick(VextQueueRegister.allCases)
    let inQueue = VextRegister.queue(UInt16(input.below(Self.queueCount + 1)), register)
    let offset = input.changed(input.happens(oneIn: 4) ? UInt64(input.below(0x40)) : inQueue, oneIn: 8)
    let byteCount = input.changed(UInt8(Self.byteCount(register)), oneIn: 8) & 15
    if input.happens(oneIn: 3) {
      _ = device.readBAR(0, offset: offset, byteCount: Int(byteCount))
    } else {
      let value = input.pick([0, 1, UInt64(Self.depth), Self.rings, input.interesting()])
      device.writeBAR(0, offset: offset, byteCount: Int(byteCount), value: value)
    }
  }

  private func makeSegment(_ input: inout FuzzInput) -> VextSegment {
    let address = Self.data + UInt64(input.below(256)) * 512
    var segment = VextSegment(
      address: GuestAddress(input.changed(address, oneIn: 32)),
      byteCount: input.changed(UInt32(1 + input.below(8)) * 512, oneIn: 32))
    segment.reserved = input.changed(0, oneIn: 128)
    return segment
  }

  private func makeEntry(_ memory: GuestMemory, _ input: inout FuzzInput) throws -> VextSubmissionEntry {
    let operation = input.changed(UInt8(input.below(8)), oneIn: 16)
    var entry = VextSubmissionEntry(
      operation: operation, id: input.changed(UInt16(input.below(Int(Self.depth))), oneIn: 32))
    guard operation != VextOperation.flush.rawValue else { return entry }
    entry.offset = input.changed(UInt64(input.below(Self.diskByteCount / 512)) * 512, oneIn: 16)
    switch VextOperation(rawValue: operation) {
    case .discard, .writeZeroes:
      entry.length = input.changed(UInt64(1 + input.below(16)) * 512, oneIn: 16)
    default:
      entry.segment0 = makeSegment(&input)
      if input.happens(oneIn: 2) { entry.segment1 = makeSegment(&input) }
      if input.happens(oneIn: 4) { try useList(&entry, memory, &input) }
    }
    entry.flags = VextSubmissionFlags(rawValue: input.changed(entry.flags.rawValue, oneIn: 64))
    entry.reserved = input.changed(0, oneIn: 128)
    return entry
  }

  private func useList(
    _ entry: inout VextSubmissionEntry, _ memory: GuestMemory, _ input: inout FuzzInput
  ) throws {
    let count = 1 + input.below(16)
    let list = Self.lists + UInt64(input.below(16)) * 4096
    for place in 0..<UInt64(count) {
      let segment = makeSegment(&input)
      let address = list + place * 16
      try memory.store(segment.address.rawValue, at: GuestAddress(address))
      try memory.store(
        UInt64(segment.byteCount) | UInt64(segment.reserved) << 32, at: GuestAddress(address + 8))
    }
    entry.flags = .segmentList
    entry.segment0 = VextSegment(
      address: GuestAddress(input.changed(list, oneIn: 32)),
      byteCount: input.changed(UInt32(count * 16), oneIn: 32))
    entry.segment1 = VextSegment()
  }

  private func checkSoundEntry(
    _ device: VextDevice, _ server: SteppedQueueServer, _ memory: GuestMemory
  ) throws {
    device.writeBAR(0, offset: VextRegister.reset, byteCount: 4, value: 0)
    try FuzzFailure.check(server.attachedCount == 0, "a reset leaves a queue attached")
    var producer = try enable(0, device, memory)
    producer.push(VextSubmissionEntry(operation: VextOperation.flush.rawValue, id: 3))
    server.finish()
    let ring = Self.rings + Self.ringStride / 2
    guard let base = unsafe memory.map.hostPointer(GuestAddress(ring), byteCount: Self.ringStride / 2) else {
      throw FuzzFailure("the rings are not in memory")
    }
    // SAFETY: `memory` lives during the call, and the ring is all of its depth.
    var consumer = unsafe VextCompletionConsumer(ring: base, depth: Self.depth)
    guard case .ready(let answer) = consumer.poll(), answer.id == 3, answer.status == 0 else {
      throw FuzzFailure("a sound flush after a reset was not answered")
    }
  }
}

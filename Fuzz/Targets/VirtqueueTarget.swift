import Hypervisor
import SystemPackage
import TestSupport
import VextProtocol

/// Descriptor chains and rings of a block device, by both interfaces: built as they should be, then changed, at times
/// by another thread while the device reads them.
///
/// Whatever was done, after a reset a sound request is answered.
final class VirtqueueTarget: FuzzTarget {
  private static let memoryByteCount: UInt64 = 4 << 20
  private static let diskByteCount = 1 << 16
  /// The first queue's page; each has four, as many as 256 entries need and one more.
  private static let firstPage: UInt32 = 0x10
  private static let pagesPerQueue: UInt32 = 4
  /// Where requests' headers, indirect tables and data are.
  private static let headers: UInt64 = 0x10_0000
  private static let tables: UInt64 = 0x14_0000
  private static let data: UInt64 = 0x20_0000
  /// A flush of the driver that checks has its parts here.
  private static let soundRequest: UInt64 = 0x3F_0000

  private enum Flag {
    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4
  }

  private struct Descriptor {
    var address: UInt64
    var length: UInt32
    var flags: UInt16
    var next: UInt16 = 0
  }

  private let image: DiskImage
  private let readOnlyImage: DiskImage

  init(directory: ScratchDirectory) throws {
    let path = try directory.makeDisk(byteCount: Self.diskByteCount)
    image = try DiskImage(path: path, readOnly: false, direct: false)
    readOnlyImage = try DiskImage(path: path, readOnly: true, direct: false)
  }

  func run(_ input: inout FuzzInput) throws {
    let memory = try GuestMemory(byteCount: Self.memoryByteCount)
    let server = try SteppedQueueServer(
      engine: SteppedQueueServer.engine(&input), polling: input.happens(oneIn: 2), capacity: 64)
    let depth = input.pick([4, 8, 16, 256])
    let queueCount = 1 + input.below(3)
    let block = VirtioBlock(
      disk: input.happens(oneIn: 8) ? readOnlyImage : image, queueCount: queueCount, queueDepth: depth,
      memory: memory, servers: [server])
    let recorder = VirtioEventRecorder(checksMessages: true)
    let function = try VirtioPCI(
      device: block, memory: memory, router: recorder, transport: input.pick([.modern, .legacy]))
    defer { function.shutDown() }
    let driver = try BlockDriver(of: function, recorder: recorder)
    try start(driver, queueCount, depth, &input)
    let scribbler =
      try input.happens(oneIn: 16)
      ? MemoryScribbler(
        memory: memory, pages: UInt64(Self.firstPage)..<0x180, seed: input.word()) : nil
    do {
      defer { scribbler?.stop() }
      var indices = [UInt16](repeating: 0, count: queueCount)
      while !input.isExhausted {
        let queue = input.below(queueCount)
        try offerRequests(queue, &indices[queue], depth, memory, &input)
        server.pass()
        if input.happens(oneIn: 16) { disturb(function, &input) }
        if function.failure != nil || input.happens(oneIn: 32) {
          indices = [UInt16](repeating: 0, count: queueCount)
          try clearRings(queueCount, memory)
          try start(driver, queueCount, depth, &input)
        }
      }
    }
    try checkSoundRequest(driver, function, depth, server, memory)
  }

  /// The layout of a sound queue.
  private func layout(_ queue: Int, _ depth: Int) -> VirtqueueLayout {
    VirtqueueLayout(size: UInt16(depth), legacyPage: Self.firstPage + UInt32(queue) * Self.pagesPerQueue)
  }

  private func start(
    _ driver: BlockDriver, _ queueCount: Int, _ depth: Int, _ input: inout FuzzInput
  ) throws {
    let features = BlockDriver.version1 | 3 << 28 | 0x7A00
    driver.negotiate(input.changed(features, oneIn: 4))
    for queue in 0..<queueCount {
      var layout = layout(queue, depth)
      layout.size = input.changed(layout.size, oneIn: 32)
      layout.descriptorTable = GuestAddress(input.changed(layout.descriptorTable.rawValue, oneIn: 64))
      layout.availableRing = GuestAddress(input.changed(layout.availableRing.rawValue, oneIn: 64))
      layout.usedRing = GuestAddress(input.changed(layout.usedRing.rawValue, oneIn: 64))
      driver.enable(queue, layout)
    }
    driver.start()
  }

  private func clearRings(_ queueCount: Int, _ memory: GuestMemory) throws {
    let byteCount = queueCount * Int(Self.pagesPerQueue) * 4096
    let start = UInt64(Self.firstPage) * GuestMemory.pageByteCount
    try memory.write([UInt8](repeating: 0, count: byteCount), at: GuestAddress(start))
  }

  /// Writes some chains into the table, and makes them available.
  private func offerRequests(
    _ queue: Int, _ index: inout UInt16, _ depth: Int, _ memory: GuestMemory, _ input: inout FuzzInput
  ) throws {
    let layout = layout(queue, depth)
    for _ in 0...input.below(3) {
      let chain = try makeChain(queue, memory, &input)
      let first = input.below(depth)
      var head = UInt16(first)
      if input.happens(oneIn: 3) {
        // As one indirect descriptor.
        let table = Self.tables + UInt64(queue) * 0x1_0000 + UInt64(first) * 256
        try write(chain, at: 0, table, tableSize: chain.count, memory, &input)
        let indirect = Descriptor(
          address: table, length: UInt32(chain.count * 16), flags: Flag.indirect)
        try write([indirect], at: first, layout.descriptorTable.rawValue, tableSize: depth, memory, &input)
      } else {
        try write(chain, at: first, layout.descriptorTable.rawValue, tableSize: depth, memory, &input)
      }
      head = input.changed(head, oneIn: 64)
      let entry = layout.availableRing.rawValue + 4 + UInt64(Int(index) % depth) * 2
      try memory.store(head, at: GuestAddress(entry))
      index &+= 1
    }
    index = input.changed(index, oneIn: 64)
    try memory.store(index, at: GuestAddress(layout.availableRing.rawValue + 2))
    let flags = layout.availableRing.rawValue
    if input.happens(oneIn: 8) { try memory.store(input.interesting(UInt16.self), at: GuestAddress(flags)) }
  }

  /// A request with its parts in memory: header, data or ranges, status.
  private func makeChain(
    _ queue: Int, _ memory: GuestMemory, _ input: inout FuzzInput
  ) throws -> [Descriptor] {
    let type = input.changed(input.pick([0, 0, 1, 1, 4, 8, 11, 13] as [UInt32]), oneIn: 16)
    let sector = input.changed(UInt64(input.below(Self.diskByteCount / 512)), oneIn: 8)
    let header = Self.headers + UInt64(queue) * 0x1000 + UInt64(input.below(16)) * 32
    try memory.store(type, at: GuestAddress(header))
    try memory.store(sector, at: GuestAddress(header + 8))
    let data = Self.data + UInt64(input.below(64)) * 512
    let isRange = type == 11 || type == 13
    if isRange {
      for place in 0..<UInt64(17) {
        let range = data + place * 16
        try memory.store(input.changed(UInt64(input.below(128)), oneIn: 8), at: GuestAddress(range))
        try memory.store(input.changed(UInt32(input.below(16)), oneIn: 8), at: GuestAddress(range + 8))
        try memory.store(input.changed(0 as UInt32, oneIn: 8), at: GuestAddress(range + 12))
        if input.below(4) == 0 { break }
      }
    }
    var chain = [Descriptor(address: header, length: 16, flags: 0)]
    let reads = type == 0 || type == 8
    for segment in 0..<UInt64(input.below(4)) {
      let unit: UInt32 = isRange ? 16 : 512
      chain.append(
        Descriptor(
          address: data + segment * 4096, length: UInt32(1 + input.below(8)) * unit,
          flags: reads ? Flag.write : 0))
    }
    chain.append(
      Descriptor(address: header + 16 + UInt64(input.below(8)), length: 1, flags: Flag.write))
    return chain
  }

  /// Links the descriptors from `first` on and writes them to `table`, with changes here and there.
  private func write(
    _ chain: [Descriptor], at first: Int, _ table: UInt64, tableSize: Int, _ memory: GuestMemory,
    _ input: inout FuzzInput
  ) throws {
    for (position, descriptor) in chain.enumerated() {
      let isLast = position == chain.count - 1
      let place = (first + position) % tableSize
      let flags = descriptor.flags | (isLast ? 0 : Flag.next)
      let next = isLast ? 0 : UInt16((place + 1) % tableSize)
      let address = GuestAddress(table + UInt64(place) * 16)
      try memory.store(input.changed(descriptor.address, oneIn: 64), at: address)
      let length = UInt64(input.changed(descriptor.length, oneIn: 64))
      let rest =
        UInt64(input.changed(flags, oneIn: 64)) << 32 | UInt64(input.changed(next, oneIn: 64)) << 48
      try memory.store(length | rest, at: GuestAddress(address.rawValue + 8))
    }
  }

  /// An access to any register.
  private func disturb(_ function: VirtioPCI, _ input: inout FuzzInput) {
    let offset = input.pick(
      [
        UInt64(input.below(0x40)), 0x1000, 0x2000 + UInt64(input.below(64)), 0x3000 + UInt64(input.below(64)),
        input.interesting(),
      ])
    let byteCount = input.pick([1, 2, 4, 8])
    if input.happens(oneIn: 2) {
      function.writeBAR(0, offset: offset, byteCount: byteCount, value: input.interesting())
    } else {
      _ = function.readBAR(0, offset: offset, byteCount: byteCount)
    }
  }

  /// Resets the device and has it flush.
  private func checkSoundRequest(
    _ driver: BlockDriver, _ function: VirtioPCI, _ depth: Int, _ server: SteppedQueueServer,
    _ memory: GuestMemory
  ) throws {
    try clearRings(1, memory)
    driver.negotiate(BlockDriver.version1)
    let layout = layout(0, depth)
    driver.enable(0, layout)
    driver.start()
    try FuzzFailure.check(server.attachedCount == 1, "after a reset the device does not start")
    let (header, status) = (Self.soundRequest, Self.soundRequest + 16)
    try memory.store(4 as UInt64, at: GuestAddress(header))
    try memory.store(0 as UInt64, at: GuestAddress(header + 8))
    try memory.store(0xEE as UInt8, at: GuestAddress(status))
    let table = layout.descriptorTable.rawValue
    try memory.store(header, at: GuestAddress(table))
    try memory.store(16 | UInt64(Flag.next) << 32 | 1 << 48, at: GuestAddress(table + 8))
    try memory.store(status, at: GuestAddress(table + 16))
    try memory.store(1 | UInt64(Flag.write) << 32, at: GuestAddress(table + 24))
    try memory.store(1 as UInt16, at: GuestAddress(layout.availableRing.rawValue + 2))
    server.finish()
    let used = try memory.load(UInt16.self, at: GuestAddress(layout.usedRing.rawValue + 2))
    let answer = try memory.load(UInt8.self, at: GuestAddress(status))
    try FuzzFailure.check(
      used == 1 && answer == 0,
      "a sound flush after a reset: used index \(used), status \(answer), failure \(String(describing: function.failure))"
    )
    driver.reset()
    try FuzzFailure.check(server.attachedCount == 0, "a reset leaves a queue attached")
  }
}

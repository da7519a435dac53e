import Testing
import VextProtocol

/// The register map of BAR0 (docs/vext-protocol.md §3).
@Suite struct RegisterTests {
  /// Every register of the device, with its width in bytes.
  private static let deviceRegisters: [(offset: UInt64, byteCount: UInt64)] = [
    (VextRegister.magic, 4), (VextRegister.version, 4), (VextRegister.deviceFeatures, 8),
    (VextRegister.driverFeatures, 8), (VextRegister.capacity, 8), (VextRegister.blockByteCount, 4),
    (VextRegister.maxTransferByteCount, 4), (VextRegister.maxSegments, 4), (VextRegister.queueCount, 4),
    (VextRegister.maxQueueDepth, 4), (VextRegister.deviceFlags, 4), (VextRegister.reset, 4),
    (VextRegister.maxRangeByteCount, 4),
  ]

  private static func byteCount(of register: VextQueueRegister) -> UInt64 {
    switch register {
    case .submissionRing, .completionRing, .errorDetail, .wakeBlock: 8
    case .depth, .control, .state, .error, .doorbell, .yield: 4
    }
  }

  @Test func `no two registers share a byte`() {
    var owners: [UInt64: String] = [:]
    func claim(_ offset: UInt64, _ byteCount: UInt64, _ name: String) {
      #expect(offset.isMultiple(of: byteCount), "\(name) is aligned to its width")
      for byte in offset..<offset + byteCount {
        #expect(owners[byte] == nil, "\(name) overlaps \(owners[byte] ?? "") at \(byte)")
        owners[byte] = name
      }
    }
    for (number, register) in Self.deviceRegisters.enumerated() {
      claim(register.offset, register.byteCount, "device register \(number)")
    }
    for queue in 0..<UInt16(VextRegister.queueLimit) {
      for register in VextQueueRegister.allCases {
        claim(VextRegister.queue(queue, register), Self.byteCount(of: register), "queue \(queue) \(register)")
      }
    }
    #expect((owners.keys.max() ?? .max) < VextRegister.barByteCount)
  }

  @Test func `the blocks of all queues lie within the BAR`() {
    let end = VextRegister.queueBase + UInt64(VextRegister.queueLimit) * VextRegister.queueStride
    #expect(end <= VextRegister.barByteCount)
    #expect(VextRegister.barByteCount.nonzeroBitCount == 1)
    #expect(VextRegister.queue(0, .submissionRing) == 0x1000)
    #expect(VextRegister.queue(3, .error) == 0x1000 + 3 * 0x40 + 0x1C)
  }

  @Test func `offsets, states and errors keep their numbers`() {
    #expect(
      Self.deviceRegisters.map(\.offset) == [
        0, 4, 8, 0x10, 0x18, 0x20, 0x24, 0x28, 0x2C, 0x30, 0x34, 0x38, 0x3C,
      ])
    #expect(
      VextQueueRegister.allCases.map(\.rawValue) == [0, 8, 0x10, 0x14, 0x18, 0x1C, 0x20, 0x28, 0x30, 0x34])
    #expect([VextQueueState.disabled, .enabled, .stopped].map(\.rawValue) == [0, 1, 2])
    #expect(VextQueueError.allCases.map(\.rawValue) == Array(0...17))
    #expect([VextFeatures.doorbell, .interrupt, .contention].map(\.rawValue) == [1, 2, 4])
    #expect(
      [VextWakeBlock.deviceOffset, VextWakeBlock.contentionOffset, VextWakeBlock.driverOffset] == [0, 8, 64])
    #expect(VextContentionPublisher.sharedCPU == 1)
    #expect(VextWakeBlock.byteCount == 128)
    #expect(VextDeviceFlags.readOnly.rawValue == 1)
    #expect(VextDeviceFlags.discard.rawValue == 2)
    #expect(VextDeviceFlags.writeZeroes.rawValue == 4)
    #expect(VextSubmissionFlags.segmentList.rawValue == 1)
  }

  @Test func `the magic value reads VEXT`() {
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: VextRegister.magicValue >> ($0 * 8)) }
    #expect(String(decoding: bytes, as: UTF8.self) == "VEXT")
  }
}

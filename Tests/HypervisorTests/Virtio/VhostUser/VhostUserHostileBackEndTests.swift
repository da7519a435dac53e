import HostSystem
import Synchronization
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// The front end of vhost-user with back ends that break the rules: the device fails, and nothing else.
struct VhostUserHostileBackEndTests {
  /// A back end that does `action` when `request` comes.
  private static func backEnd(
    _ request: VhostUserRequest,
    features: VhostUserProtocolFeatures = [
      .multiqueue, .replyAcknowledgement, .configuration, .backEndChannel,
    ], queueCount: Int = 4, _ action: @escaping @Sendable (VhostUserMessage) -> ScriptedBackEnd.Action
  ) -> ScriptedBackEnd {
    ScriptedBackEnd(protocolFeatures: features, queueCount: queueCount) {
      $0.request == request.rawValue ? action($0) : nil
    }
  }

  @Test func `a socket where nobody listens is named as such`() throws {
    let backEnd = ScriptedBackEnd()
    backEnd.state.withLock { $0.isAway = true }
    let error = #expect(throws: VhostUserError.self) { try VhostUserFixture(backEnd) }
    #expect(error == .cannotConnect(.connectionRefused))
  }

  @Test func `a guest whose memory is private is refused`() throws {
    let memory = try GuestMemory(byteCount: 8 << 20)
    let error = #expect(throws: VhostUserError.self) {
      try VhostUserDevice(path: "/nowhere", kind: .fileSystem(tag: "x"), memory: memory, machine: "test")
    }
    #expect(error == .memory("the guest's memory is not shared"))
  }

  @Test func `a back end with fewer queues than were asked for is refused`() throws {
    let error = #expect(throws: VhostUserError.self) {
      try VhostUserFixture(ScriptedBackEnd(queueCount: 1))
    }
    #expect(error == .tooFewQueues(wanted: 2, offered: 1))
  }

  @Test func `a back end of the legacy interface is refused`() throws {
    let backEnd = Self.backEnd(.getFeatures) {
      .message($0.reply(VhostUserMessage.payload(1 << 30)), descriptorCount: 0)
    }
    let error = #expect(throws: VhostUserError.self) { try VhostUserFixture(backEnd) }
    #expect(error == .missing("VIRTIO_F_VERSION_1"))
  }

  @Test func `a back end without a configuration is refused for a disk`() throws {
    #expect(throws: VhostUserError.self) {
      try VhostUserFixture(ScriptedBackEnd(protocolFeatures: [.multiqueue]))
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6])
  func `a greeting that breaks the protocol is refused`(kind: Int) throws {
    let backEnd = Self.backEnd(.getFeatures) { message in
      switch kind {
      case 1: return .close
      case 2: return .bytes([1, 0, 0])
      // Version 2.
      case 3: return .bytes([1, 0, 0, 0, 6, 0, 0, 0, 8, 0, 0, 0] + [UInt8](repeating: 0, count: 8))
      // No reply, then a reply to something else, then one of another length.
      case 4:
        return .message(
          VhostUserMessage(.getFeatures, payload: [0, 0, 0, 0, 0, 0, 0, 0]), descriptorCount: 0)
      case 5:
        return .message(VhostUserMessage(.getQueueCount).reply([0, 0, 0, 0, 0, 0, 0, 0]), descriptorCount: 0)
      default: return .bytes([1, 0, 0, 0, 5, 0, 0, 0, 255, 255, 255, 255])
      }
    }
    // A half message is waited for: its end comes with the connection's.
    if kind == 2 { return }
    #expect(throws: VhostUserError.self) { try VhostUserFixture(backEnd) }
  }

  @Test func `descriptors that nobody asked for are refused`() throws {
    let backEnd = Self.backEnd(.getFeatures) {
      .message($0.reply(VhostUserMessage.payload(ScriptedBackEnd.features.rawValue)), descriptorCount: 8)
    }
    let error = #expect(throws: VhostUserError.self) { try VhostUserFixture(backEnd) }
    #expect(error == .badDescriptorCount(request: VhostUserRequest.getFeatures.rawValue, count: 8))
  }

  @Test func `a configuration of another length is refused`() throws {
    let backEnd = Self.backEnd(.getConfiguration) {
      .message($0.reply(Array($0.payload.dropLast(4))), descriptorCount: 0)
    }
    let error = #expect(throws: VhostUserError.self) { try VhostUserFixture(backEnd) }
    #expect(error == .badLength(request: VhostUserRequest.getConfiguration.rawValue, byteCount: 68))
  }

  @Test(arguments: [VhostUserRequest.setFeatures, .setMemoryTable, .setVringAddress, .setVringKick])
  func `a back end that refuses a request makes the device need a reset`(request: VhostUserRequest) throws {
    let backEnd = Self.backEnd(request) {
      .message($0.reply(VhostUserMessage.payload(1)), descriptorCount: 0)
    }
    let fixture = try VhostUserFixture(backEnd)
    try fixture.start()
    #expect(fixture.needsReset)
    #expect(fixture.logged.waitForLine(containing: "refused request \(request.rawValue)"))
    fixture.driver.setStatus(0)
    #expect(eventually(within: 5) { fixture.driver.status == 0 })
  }

  @Test func `a back end that ends makes the device need a reset, with a line in the log`() throws {
    let fixture = try VhostUserFixture()
    try fixture.start()
    fixture.backEnd.endConnections()
    #expect(eventually(within: 5) { fixture.needsReset })
    #expect(fixture.logged.waitForLine(containing: "the back end has ended"))
    fixture.driver.setStatus(0)
    #expect(fixture.driver.status == 0)
    // A later start fails as well: nobody is there.
    try fixture.start()
    #expect(fixture.needsReset)
  }

  @Test func `a successor with another disk does not get the queues`() throws {
    let backEnd = ScriptedBackEnd(
      protocolFeatures: [.multiqueue, .replyAcknowledgement, .configuration, .inflight])
    let fixture = try VhostUserFixture(backEnd, successorTimeoutNanoseconds: 200_000_000)
    try fixture.start()
    backEnd.state.withLock { $0.configuration = ScriptedBackEnd.configuration(sectorCount: 9) }
    backEnd.endConnections()
    #expect(eventually(within: 5) { fixture.needsReset })
    #expect(
      fixture.logged.waitForLine(containing: "no successor of the back end: the configuration has changed"))
    #expect(backEnd.requests(.setVringKick).count == 2)
  }

  @Test func `a position that no ring has fails the stop and sends the back end away`() throws {
    let backEnd = Self.backEnd(.getVringBase) {
      .message($0.reply(Array($0.payload.prefix(4)) + [0, 0, 1, 0]), descriptorCount: 0)
    }
    let fixture = try VhostUserFixture(backEnd)
    try fixture.start()
    fixture.driver.setStatus(0)
    #expect(eventually(within: 5) { fixture.driver.status == 0 })
    #expect(fixture.logged.waitForLine(containing: "request 11 with the value 65536"))
  }

  @Test func `garbage on the back end's channel ends the connection`() throws {
    let fixture = try VhostUserFixture()
    try fixture.start()
    let channel = try #require(fixture.backEnd.descriptor(.setBackEndChannel))
    let stream = DescriptorStream(adopting: OwnedDescriptor(adopting: channel))
    try stream.send(
      [UInt8](repeating: 0xFF, count: 64), deadline: HostClock.monotonicNanoseconds() &+ 1_000_000_000)
    #expect(eventually(within: 5) { fixture.needsReset })
  }

  @Test func `an inflight reply without memory is refused`() throws {
    let backEnd = Self.backEnd(
      .getInflight, features: [.multiqueue, .replyAcknowledgement, .configuration, .inflight]
    ) { .message($0.reply($0.payload), descriptorCount: 0) }
    let fixture = try VhostUserFixture(backEnd)
    try fixture.start()
    #expect(fixture.needsReset)
  }
}

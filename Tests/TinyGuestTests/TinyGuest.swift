import HostSystem
import Hypervisor
import Testing
import VextProtocol

/// A machine of one vCPU that runs ``GuestCode``, with a device at ports 500h-50Fh and one in the PCI hole.
final class TinyGuest {
  static let code = GuestAddress(0x1_0000)
  static let stackTop = GuestAddress(0x2_0000)
  static let handler = GuestAddress(0x2_8000)
  /// Where guests store what they read.
  static let results = GuestAddress(0x4_0000)
  static let tables = GuestAddress(0x10_0000)
  static let devicePort: UInt64 = 0x500
  static let deviceAddress: UInt64 = 0xD000_0000
  static let answer: UInt64 = 0xF1E2_D3C4_B5A6_9788
  static let donePort: UInt64 = 0xF4

  let machine: Machine
  let ports = AccessRecorder(answer: TinyGuest.answer)
  let memory = AccessRecorder(answer: TinyGuest.answer)
  private let doneDevice = AccessRecorder()

  /// A machine that is ready to start.
  ///
  /// - Parameters:
  ///   - argument: RSI at the start.
  ///   - gate: a vector and its ring-0 handler.
  ///   - donePort: where ``isDone`` listens; guests that say so write to ``donePort``.
  init(
    _ code: [UInt8], argument: UInt64 = 0, gate: (vector: UInt8, handler: [UInt8])? = nil,
    name: String = "tiny", debug: MachineDebugOptions = MachineDebugOptions(),
    donePort: UInt64 = TinyGuest.donePort
  ) throws {
    machine = try Machine(
      MachineConfiguration(name: name, memoryByteCount: 4 << 20, vcpuCount: 1, debug: debug),
      system: KVMSystem())
    guard machine.portBus.insert(ports, start: Self.devicePort, byteCount: 16),
      machine.portBus.insert(doneDevice, start: donePort, byteCount: 1),
      machine.memoryBus.insert(memory, start: Self.deviceAddress, byteCount: 0x1000)
    else { throw CancellationError() }
    try machine.memory.write(code, at: Self.code)
    if let gate { try machine.memory.write(gate.handler, at: Self.handler) }
    let boot = try LongModeBoot(
      memory: machine.memory, tablesAt: Self.tables, vcpuCount: 1,
      gates: gate.map { [LongModeBoot.Gate(vector: $0.vector, handler: Self.handler)] } ?? [],
      spuriousVector: 0xFF)
    try boot.prepare(
      machine.vcpus[0].vcpu, memory: machine.memory,
      entry: LongModeBoot.Entry(
        instruction: Self.code, stackTop: Self.stackTop, argument0: Self.results.rawValue,
        argument1: argument,
        ring0Tag: 0))
  }

  deinit { machine.stop() }

  /// Whether the guest said that it is done.
  var isDone: Bool { !doneDevice.accesses.isEmpty }

  var outcome: VCPUOutcome? { machine.vcpus[0].outcome }

  var userExitCount: UInt64 { machine.vcpus[0].userExitCount }

  /// Starts the guest and waits until it is done, for ten seconds at most; tells whether it is.
  func runUntilDone() throws -> Bool {
    try machine.start()
    return Self.wait { self.isDone || self.outcome != nil } && isDone
  }

  /// What the guest stored in its results, as 64-bit words.
  func results(_ count: Int) throws -> [UInt64] {
    try (0..<count).map {
      try machine.memory.load(UInt64.self, at: GuestAddress(Self.results.rawValue + UInt64($0) * 8))
    }
  }

  /// Expects that a guest uses `device`, by which it says that it is done, within ten seconds and before it ends.
  static func waitForAccess(to device: AccessRecorder, by machine: Machine) {
    let isDone = wait { !device.accesses.isEmpty || machine.vcpus.contains { $0.outcome != nil } }
    #expect(isDone && !device.accesses.isEmpty, "\(machine.vcpus.map(\.outcome))")
  }

  /// Waits until `condition` holds, for ten seconds at most; tells whether it does.
  static func wait(until condition: () throws -> Bool) rethrows -> Bool {
    let deadline = HostClock.monotonicNanoseconds() + 10_000_000_000
    while HostClock.monotonicNanoseconds() < deadline {
      if try condition() { return true }
      HostClock.sleep(nanoseconds: 200_000)
    }
    return try condition()
  }
}

/// Guests of a few bytes on real KVM, one test at a time: each one's vCPU wants a core.
@Suite(
  .serialized, .enabled(if: KVMAvailability.isAvailable, "/dev/kvm cannot be opened, or lacks a capability"),
  .timeLimit(.minutes(20)))
enum TinyGuests {}

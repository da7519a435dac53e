import Hypervisor
import Synchronization
import TestSupport

/// A serial port: any registers in any order, with a terminal that is often full.
final class SerialTarget: FuzzTarget {
  /// A terminal that takes as many characters as the input says.
  private final class Terminal: ConsoleEndpoint {
    let room = Mutex(0)
    var windowSize: ConsoleSize? { nil }
    func attach(_ device: any ConsoleDevice) {}
    func write(_ bytes: [UInt8]) -> Int {
      room.withLock { room in
        let count = min(room, bytes.count)
        room -= count
        return count
      }
    }
    func deviceHasRoom() {}
  }

  private static let widths = [1, 1, 1, 1, 2, 4, 8, 3, 0]
  /// Interrupt identification (bit 0: none is pending).
  private static let interruptIdentification: UInt64 = 2

  func run(_ input: inout FuzzInput) throws {
    let lines = InterruptLineRecorder()
    let terminal = Terminal()
    let port = SerialPort(line: lines.line(4), endpoint: terminal)
    while !input.isExhausted {
      let offset = input.changed(UInt64(input.below(8)), oneIn: 32)
      let byteCount = input.pick(Self.widths)
      switch input.below(8) {
      case 0, 1, 2, 3:
        port.write(offset: offset, byteCount: byteCount, value: input.interesting())
      case 4, 5:
        let value = port.read(offset: offset, byteCount: byteCount)
        try FuzzFailure.check(
          value & ~AddressBus.floating(byteCount) == 0, "\(byteCount) bytes were read as \(value)")
      case 6:
        let bytes = input.take(input.below(40))
        let taken = port.receive(bytes)
        try FuzzFailure.check((0...bytes.count).contains(taken), "took \(taken) of \(bytes.count)")
      default:
        terminal.room.withLock { $0 = input.below(32) }
        if input.happens(oneIn: 2) { port.endpointHasRoom() } else { port.sysRq(input.byte()) }
      }
      let isActive = lines.active.contains(4)
      let isPending = port.read(offset: Self.interruptIdentification, byteCount: 1) & 1 == 0
      try FuzzFailure.check(
        isActive == isPending, "the line is \(isActive), interrupt identification says \(isPending)")
    }
  }
}

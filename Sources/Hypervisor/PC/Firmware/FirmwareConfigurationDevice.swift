import Synchronization
import VextProtocol

/// The device from which firmware reads what the machine consists of, QEMU's fw_cfg (docs/specs/fw_cfg.rst). Any vCPU thread.
///
/// Ports 510h (selector, 16 bits), 511h (data) and 514h to 51Bh (DMA, big-endian). All items are read-only. A selector without an item
/// reads as zeroes, and so do the bytes behind the end of an item.
package final class FirmwareConfigurationDevice: BusDevice {
  /// The device's first port.
  package static let firstPort: UInt64 = 0x510
  /// Number of the device's ports.
  package static let portCount: UInt64 = 12

  private enum Port {
    static let selector: UInt64 = 0
    static let data: UInt64 = 1
    static let addressHigh: UInt64 = 4
    static let addressLow: UInt64 = 8
  }

  /// Bits of a DMA request's control word. The selector is in bits 31 to 16.
  private enum Control {
    static let error: UInt32 = 1 << 0
    static let read: UInt32 = 1 << 1
    static let skip: UInt32 = 1 << 2
    static let select: UInt32 = 1 << 3
    static let write: UInt32 = 1 << 4
  }

  /// A read of the DMA registers returns "QEMU CFG".
  private static let dmaSignature = Array("QEMU CFG".utf8)
  /// Control word, length and address: 32, 32 and 64 bits.
  private static let requestByteCount = 16

  private struct State {
    var selector: UInt16 = 0
    /// Offset of the next byte in the selected item.
    var position: UInt64 = 0
    var addressHigh: UInt32 = 0

    mutating func select(_ selector: UInt16) {
      self.selector = selector
      position = 0
    }
  }

  private let state = Mutex(State())
  private let items: [UInt16: [UInt8]]
  private let memory: GuestMemory

  /// Makes a device that offers `items` and copies them into `memory`.
  package init(_ items: FirmwareItems, memory: GuestMemory) {
    self.items = items.items
    self.memory = memory
  }

  /// Reads the next byte of the selected item, or the DMA signature.
  package func read(offset: UInt64, byteCount: Int) -> UInt64 {
    switch (offset, byteCount) {
    case (Port.data, 1):
      return state.withLock { state in
        let bytes = items[state.selector, default: []]
        let byte = state.position < UInt64(bytes.count) ? bytes[Int(state.position)] : 0
        state.position &+= 1
        return UInt64(byte)
      }
    case (Port.addressHigh..<Self.portCount, _):
      let rest = Self.dmaSignature.dropFirst(Int(offset - Port.addressHigh))
      return rest.prefix(max(byteCount, 0)).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    default: return .max
    }
  }

  /// Selects an item, or starts a DMA request, which is done when the write returns.
  package func write(offset: UInt64, byteCount: Int, value: UInt64) {
    let word = UInt32(truncatingIfNeeded: value).byteSwapped
    switch (offset, byteCount) {
    case (Port.selector, 2): state.withLock { $0.select(UInt16(truncatingIfNeeded: value)) }
    case (Port.addressHigh, 4): state.withLock { $0.addressHigh = word }
    case (Port.addressLow, 4):
      let high = state.withLock { state in
        defer { state.addressHigh = 0 }
        return state.addressHigh
      }
      perform(requestAt: GuestAddress(UInt64(high) << 32 | UInt64(word)))
    default: return
    }
  }

  /// Carries out the request at `address`, and stores its result in its control word: zero or an error.
  private func perform(requestAt address: GuestAddress) {
    // Nowhere to store an error if the request is not in RAM.
    guard let bytes = try? memory.read(Self.requestByteCount, at: address) else { return }
    func bigEndian(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
    let control = UInt32(truncatingIfNeeded: bigEndian(0..<4))
    let byteCount = bigEndian(4..<8)
    let selected: (bytes: [UInt8], position: UInt64) = state.withLock { state in
      if control & Control.select != 0 { state.select(UInt16(truncatingIfNeeded: control >> 16)) }
      let position = state.position
      if control & (Control.read | Control.skip) != 0 { state.position &+= byteCount }
      return (items[state.selector, default: []], position)
    }
    var isDone = true
    if control & Control.read != 0 {
      isDone = copy(
        selected.bytes, from: selected.position, to: GuestAddress(bigEndian(8..<16)), byteCount: byteCount)
    } else if control & Control.skip == 0 {
      isDone = control & Control.write == 0
    }
    // It was RAM when it was read.
    try? memory.store((isDone ? 0 : Control.error).byteSwapped, at: address)
  }

  /// Copies the bytes of an item from `position` on to `address`, with zeroes behind its end.
  ///
  /// - Returns: false, with nothing copied, unless the whole run is RAM.
  private func copy(
    _ bytes: [UInt8], from position: UInt64, to address: GuestAddress, byteCount: UInt64
  ) -> Bool {
    guard let run = memory.map.vector(address, byteCount: byteCount) else { return false }
    let start = Int(min(position, UInt64(bytes.count)))
    let count = min(run.byteCount, bytes.count - start)
    run.store(bytes.span.extracting(start..<start + count))
    run.part(from: count, byteCount: run.byteCount).zero()
    return true
  }
}

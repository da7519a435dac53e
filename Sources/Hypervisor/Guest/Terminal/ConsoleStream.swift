import HostSystem
import Synchronization
import SystemPackage

/// Carries both directions between a pair of descriptors and a console device.
final class ConsoleStream: Sendable {
  /// The device, which the endpoint does not keep alive.
  private final class Attachment: Sendable {
    private struct State {
      weak var device: (any ConsoleDevice)?
    }

    private let state = Mutex(State())

    var device: (any ConsoleDevice)? { state.withLock { $0.device } }

    func set(_ device: any ConsoleDevice) { state.withLock { $0.device = device } }
  }

  /// The state of the escape key; the lock is not held during an action.
  private final class EscapeState: Sendable {
    private let filter = Mutex(EscapeFilter())

    func actions(for bytes: [UInt8]) -> [EscapeFilter.Action] {
      filter.withLock { filter in bytes.map { filter.next($0) } }
    }
  }

  private let attachment = Attachment()
  private let reader: ConsoleReader
  private let writer: ConsoleWriter

  /// - Parameters:
  ///   - stallNanoseconds: After so long without a reader, output is thrown away; nil: never.
  ///   - byteLimit: The most bytes of output; nil: no limit.
  ///   - encodesInput: Whether the input goes as ``ConsoleInputCode``, and waits for ``releaseInput()``.
  ///   - onQuit: Called on the device thread for Ctrl-A x; nil: there is no escape key.
  init(
    input: consuming ConsoleDescriptor, output: consuming ConsoleDescriptor, thread: DeviceThread,
    overflow: ConsoleReader.Overflow, stallNanoseconds: UInt64? = nil, byteLimit: Int? = nil,
    encodesInput: Bool = false, onQuit: (@Sendable () -> Void)? = nil
  ) throws(Errno) {
    let attachment = attachment
    let writer = try ConsoleWriter(
      output, thread: thread, stallNanoseconds: stallNanoseconds, byteLimit: byteLimit
    ) {
      attachment.device?.endpointHasRoom()
    }
    self.writer = writer
    let translate: @Sendable ([UInt8]) -> [ConsoleInput]
    if encodesInput {
      translate = { bytes in ConsoleInputCode.encode(bytes).map(ConsoleInput.byte) }
    } else {
      translate = Self.translation(writer: writer, onQuit: onQuit)
    }
    let endMark = encodesInput ? ConsoleInputCode.end.map(ConsoleInput.byte) : []
    reader = try ConsoleReader(
      input, thread: thread, overflow: overflow, isHeld: encodesInput, endMark: endMark, translate: translate,
      deliver: { input in
        // Without a device, input is discarded.
        attachment.device.map { Self.deliver(input, to: $0) } ?? input.count
      })
  }

  var device: (any ConsoleDevice)? { attachment.device }

  func attach(_ device: any ConsoleDevice) { attachment.set(device) }

  func start() throws(Errno) {
    try writer.start()
    try reader.start()
  }

  func write(_ bytes: [UInt8]) -> Int { writer.write(bytes) }

  func deviceHasRoom() { reader.resume() }

  /// Starts reading held input.
  func releaseInput() { reader.release() }

  /// Number of bytes written so far.
  var writtenByteCount: UInt64 { writer.writtenByteCount }

  /// Whether the last written byte did not end a line.
  var endsWithinLine: Bool { writer.endsWithinLine }

  /// Stops reading, and writes the remaining output for up to a second.
  func close() {
    reader.close()
    writer.close()
  }

  private static func translation(
    writer: ConsoleWriter, onQuit: (@Sendable () -> Void)?
  ) -> @Sendable ([UInt8]) -> [ConsoleInput] {
    guard let onQuit else { return { bytes in bytes.map { .byte($0) } } }
    let filter = EscapeState()
    return { bytes in
      filter.actions(for: bytes).compactMap { action in
        switch action {
        case .send(let input): return input
        case .quit: onQuit()
        case .help: _ = writer.write(Array(EscapeFilter.helpText.utf8))
        case .nothing: break
        }
        return nil
      }
    }
  }

  /// Delivers runs of bytes and the breaks between them, until the device has no room.
  private static func deliver(_ input: ArraySlice<ConsoleInput>, to device: any ConsoleDevice) -> Int {
    var rest = input
    while let first = rest.first {
      if first == .break {
        guard device.injectBreak() else { break }
        rest.removeFirst()
        continue
      }
      let run = rest.prefix { $0 != .break }
      let bytes: [UInt8] = run.compactMap { input in
        if case .byte(let byte) = input { byte } else { nil }
      }
      let count = min(max(0, device.receive(bytes)), run.count)
      rest.removeFirst(count)
      if count < run.count { break }
    }
    return input.count - rest.count
  }
}

/// How input from a pipe or a file goes over the console to the guest's init, which hands it to the command through a pipe
/// (GuestInit's `InputPipe` is the other side).
///
/// A console has no end, and Linux's virtio console swallows Ctrl-O. So three bytes are escapes: DLE and a byte stand for that
/// byte with bit 6 inverted, of DLE and Ctrl-O; DLE and D stand for the end of the input.
enum ConsoleInputCode {
  private static let escape: UInt8 = 0x10
  private static let inverted: UInt8 = 0x40
  /// The end of the input.
  static let end: [UInt8] = [escape, UInt8(ascii: "D")]

  /// What stands for `bytes`.
  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    bytes.flatMap { $0 == escape || $0 == VirtioConsole.sysRqEscape ? [escape, $0 ^ inverted] : [$0] }
  }
}

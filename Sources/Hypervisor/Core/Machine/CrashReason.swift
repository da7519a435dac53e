/// The text that says why KVM or the processor could not go on.
struct CrashReason {
  /// KVM_INTERNAL_ERROR_EMULATION: KVM met an instruction that it cannot emulate.
  private static let emulationFailure: UInt32 = 1
  /// KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES, of the first data word.
  private static let hasInstructionBytes: UInt64 = 1

  private let message: String
  private let isEmulationFailure: Bool

  /// Makes a reason other than an internal error of KVM.
  init(_ message: String) {
    self.message = message
    isEmulationFailure = false
  }

  /// Makes the reason for a KVM_EXIT_INTERNAL_ERROR (KVM API §5).
  ///
  /// For an emulation failure `data` are flags, then a length byte and up to 15 bytes of the instruction.
  init(suberror: UInt32, data: [UInt64]) {
    isEmulationFailure = suberror == Self.emulationFailure
    guard isEmulationFailure else {
      message = "KVM internal error \(suberror), data \(data.map { hex($0) }.joined(separator: " "))"
      return
    }
    var message = "KVM cannot emulate an instruction"
    if data.count >= 3, data[0] & Self.hasInstructionBytes != 0 {
      let bytes = (0..<16).map { UInt8(truncatingIfNeeded: data[1 + $0 / 8] >> UInt64($0 % 8 * 8)) }
      let instruction = bytes.dropFirst().prefix(Int(bytes[0]))
      message += ", bytes from there on: " + instruction.map(byteText).joined(separator: " ")
    }
    self.message = message
  }

  /// The message, with advice if the KVM cannot run unmodified kernels.
  func text(isSoftwareKVM: Bool) -> String {
    guard isEmulationFailure, isSoftwareKVM else { return message }
    return "\(message)\n  \(SoftwareKVM.advice)"
  }
}

/// A byte as two hexadecimal digits.
func byteText(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

/// A capability of a function, without its ID and link (PCI Local Bus 3.0 §6.7).
public struct PCICapability: Sendable {
  /// The bytes of the capability from the third one on.
  public var body: [UInt8]
  /// Offsets into `body` of bytes that the guest may write.
  public var writable: Range<Int>

  /// Makes a capability, which is read-only except for the bytes `writable`.
  ///
  /// - Precondition: `writable` lies within `body`.
  public init(body: [UInt8], writable: Range<Int> = 0..<0) {
    precondition(writable.isEmpty || writable.upperBound <= body.count)
    self.body = body
    self.writable = writable
  }
}

public import VextProtocol

/// The error of an access to guest memory.
public enum GuestMemoryError: Error, Equatable, Sendable {
  /// The run does not lie wholly within one region of RAM, or wraps around 2^64.
  case outsideMemory(GuestAddress, byteCount: UInt64)
}

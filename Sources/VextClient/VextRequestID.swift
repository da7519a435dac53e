/// A request that was submitted to a ``VextClientQueue`` and whose outcome nobody has taken yet.
public struct VextRequestID: Hashable, Sendable {
  let slot: Int32
  let generation: UInt32
}

/// Names a request that was submitted to a ``VextClientQueue``, until its result is taken.
public struct VextRequestID: Hashable, Sendable {
  let slot: Int32
  let generation: UInt32
}

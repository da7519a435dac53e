/// The outcome of one request of an ``AIOContext``.
@frozen
public struct AIOCompletion: Equatable, Sendable {
  /// What the request was enqueued with.
  public var token: UInt64
  /// The bytes that were moved, 0 for a flush, or -errno.
  public var result: Int64

  /// A completion of the request `token`.
  @inlinable
  public init(token: UInt64, result: Int64) {
    self.token = token
    self.result = result
  }
}

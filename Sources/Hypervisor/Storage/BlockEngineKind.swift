/// Who moves the bytes.
public enum BlockEngineKind: String, CaseIterable, Codable, Sendable {
  /// Linux AIO: submitted in batches, completed asynchronously.
  case libaio
  /// preadv, pwritev and fdatasync by the I/O thread itself.
  case sync
  /// Nobody: each request succeeds at once and moves nothing. The cost of the transport alone.
  case null
}

import CLinux
import Glibc

/// Goes through the memory of a request once.
// SAFETY: its maker promises that the vectors and their memory are valid as long as it is used.
@safe
struct VectorCursor {
  private let vectors: UnsafePointer<iovec>
  private let count: Int
  private var index = 0
  private var position = 0

  @unsafe
  init(_ vectors: UnsafePointer<iovec>, count: Int) {
    unsafe self.vectors = vectors
    self.count = count
  }

  /// Copies `range` of `buffer` to the memory.
  mutating func copyOut(_ buffer: QcowBuffer, _ range: Range<Int>) {
    unsafe advance(range) { memory, part in unsafe _ = memcpy(memory, buffer.pointer(part), part.count) }
  }

  /// Copies the memory to `range` of `buffer`.
  mutating func copyIn(_ buffer: QcowBuffer, _ range: Range<Int>) {
    unsafe advance(range) { memory, part in unsafe _ = memcpy(buffer.pointer(part), memory, part.count) }
  }

  private mutating func advance(_ range: Range<Int>, _ copy: (UnsafeMutableRawPointer, Range<Int>) -> Void) {
    var rest = range
    while !rest.isEmpty, index < count {
      let vector = unsafe vectors[index]
      let part = unsafe min(vector.iov_len - position, rest.count)
      if part > 0, let base = unsafe vector.iov_base {
        unsafe copy(base + position, rest.lowerBound..<rest.lowerBound + part)
      }
      rest = rest.lowerBound + part..<rest.upperBound
      position += part
      if unsafe position >= vector.iov_len { (index, position) = (index + 1, 0) }
    }
  }
}

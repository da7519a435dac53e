import Glibc

/// Whether two pieces of memory hold the same bytes.
func memoryIsEqual(_ first: UnsafeRawPointer, _ second: UnsafeRawPointer, _ byteCount: Int) -> Bool {
  unsafe memcmp(first, second, byteCount) == 0
}

import CKVM

/// ioctl(2) requests of KVM, vhost and VFIO whose argument is memory: a structure, or a table of entries. Each returns its result or
/// -errno.
// SAFETY: the number of a request has the size of its structure, which is compared with the argument's; a structure of VFIO's says
// its size in its first word, which is compared too. A `KVMTable` never counts more entries than it has. The kernel keeps no address
// after a call.
enum KVMCall {
  /// Makes a request with the structure that it takes.
  static func make<Argument: BitwiseCopyable>(
    _ descriptor: Int32, _ request: UInt, _ argument: inout Argument
  ) -> Int32 {
    precondition(byteCount(of: request) == MemoryLayout<Argument>.size, "the structure of the request")
    return unsafe withUnsafeMutablePointer(to: &argument) {
      unsafe ckvm_ioctl_pointer(descriptor, request, $0)
    }
  }

  /// Makes a request with an array of numbers, such as the registers of a local APIC.
  static func make(_ descriptor: Int32, _ request: UInt, _ numbers: inout [UInt32]) -> Int32 {
    precondition(
      byteCount(of: request) == numbers.count * MemoryLayout<UInt32>.size, "the array of the request")
    return unsafe numbers.withUnsafeMutableBufferPointer {
      unsafe ckvm_ioctl_pointer(descriptor, request, $0.baseAddress)
    }
  }

  /// Makes a request of VFIO's, whose structure is `words`. The first word is the structure's size in bytes, beyond which the kernel
  /// does not write (linux/vfio.h, "argsz").
  static func make(_ descriptor: Int32, _ request: UInt, sized words: inout [UInt32]) -> Int32 {
    precondition(words.first == UInt32(words.count * MemoryLayout<UInt32>.size), "the structure's size")
    return unsafe words.withUnsafeMutableBufferPointer {
      unsafe ckvm_ioctl_pointer(descriptor, request, $0.baseAddress)
    }
  }

  /// Makes a request with a table, whose structure is a header of 8 bytes before the entries.
  static func make(_ descriptor: Int32, _ request: UInt, _ table: inout KVMTable) -> Int32 {
    precondition(byteCount(of: request) == MemoryLayout<UInt64>.size, "a request with a table")
    return unsafe table.words.withUnsafeMutableBufferPointer {
      unsafe ckvm_ioctl_pointer(descriptor, request, $0.baseAddress)
    }
  }

  /// Makes a request for a device attribute whose value is a 64-bit number (KVM API §4.80, §4.81).
  static func make(
    _ descriptor: Int32, _ request: UInt, attribute number: UInt64, group: UInt32, value: inout UInt64
  ) -> Int32 {
    unsafe withUnsafeMutablePointer(to: &value) { value in
      var attribute = kvm_device_attr()
      attribute.group = group
      attribute.attr = number
      attribute.addr = UInt64(UInt(bitPattern: value))
      return make(descriptor, request, &attribute)
    }
  }

  /// Takes the log of a memory slot's changed pages, one bit for each (KVM API §4.8); `pages` has room for all of the slot's.
  static func takeDirtyLog(_ descriptor: Int32, slot: UInt32, pages: inout [UInt64]) -> Int32 {
    unsafe pages.withUnsafeMutableBufferPointer {
      unsafe ckvm_take_dirty_log(descriptor, slot, $0.baseAddress)
    }
  }

  /// The size of the structure of a request, in bytes (_IOC_SIZE).
  private static func byteCount(of request: UInt) -> Int { Int(request >> 16 & 0x3FFF) }
}

/// A table of entries in the form of KVM and vhost: the number of entries (32 bits), padding, then entries of whole 64-bit words.
struct KVMTable {
  private let wordsPerEntry: Int
  private let capacity: Int
  fileprivate var words: [UInt64]

  /// A table of zeroed entries, all of which count.
  init(wordsPerEntry: Int, count: Int) {
    self.wordsPerEntry = wordsPerEntry
    capacity = count
    words = [UInt64](repeating: 0, count: 1 + count * wordsPerEntry)
    words[0] = UInt64(UInt32(count))
  }

  /// Number of entries that count: all, or as many as the kernel has filled in.
  var count: Int { min(Int(UInt32(truncatingIfNeeded: words[0])), capacity) }

  /// Word `word` of entry `entry`.
  subscript(entry: Int, word: Int) -> UInt64 {
    get { words[index(entry, word)] }
    set { words[index(entry, word)] = newValue }
  }

  /// The header and the entries.
  var encoded: [UInt64] { words }

  private func index(_ entry: Int, _ word: Int) -> Int {
    precondition((0..<capacity).contains(entry) && (0..<wordsPerEntry).contains(word), "a word of the table")
    return 1 + entry * wordsPerEntry + word
  }
}

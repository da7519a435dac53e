import CSeccomp
import SystemPackage

/// C's functions for filters of system calls, with Swift's types.
enum SystemCallInterface {
  /// The number of a system call on this architecture; negative if it has none of that name.
  static func number(of name: String) -> Int32 {
    // SAFETY: the name is a C string during the call.
    unsafe name.withCString { unsafe cseccomp_number($0) }
  }

  /// Installs a filter on the calling thread.
  ///
  /// - Returns: the listener's descriptor if `flags` asks for one, else 0.
  static func install(_ instructions: [sock_filter], flags: UInt32) throws(SystemCallFilterError) -> Int32 {
    guard let count = UInt16(exactly: instructions.count) else { throw .failed(.argListTooLong) }
    // SAFETY: the kernel copies `count` instructions, which are the array's, during the call.
    let result = unsafe cseccomp_install(instructions, count, flags)
    guard result >= 0 else { throw .failed(Errno(rawValue: -result)) }
    return result
  }

  /// Makes the channel by which threads announce their listeners: two descriptors, which the caller owns.
  static func makeChannel() throws(Errno) -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    // SAFETY: the array has room for both descriptors.
    try check(unsafe cseccomp_make_channel(&ends))
    return (ends[0], ends[1])
  }

  /// Reports the calls of announced listeners until the channel ends. `labels` has CSECCOMP_LABEL_BYTES bytes for each kind.
  static func report(from channel: Int32, prefix: String, labels: [CChar]) {
    let count = UInt32(labels.count / Int(CSECCOMP_LABEL_BYTES))
    // SAFETY: the labels are `count` strings, each of which ends with a zero inside its CSECCOMP_LABEL_BYTES bytes.
    _ = unsafe prefix.withCString { unsafe cseccomp_report(channel, $0, labels, count) }
  }
}

import CSeccomp
import SystemPackage

/// libseccomp, loaded when the first filter is made, and never unloaded.
@safe
final class SystemCallLibrary: Sendable {
  // SAFETY: `cseccomp_load` fills in every function pointer or returns a reason; the library is never unloaded, so that they stay valid.
  private static let fileName = "libseccomp.so.2"
  private static let loaded = Result<SystemCallLibrary, SystemCallFilterError> {
    () throws(SystemCallFilterError) in try SystemCallLibrary(fileName: fileName)
  }

  private let functions: cseccomp_functions

  /// The library of this process. Any thread.
  static func shared() throws(SystemCallFilterError) -> SystemCallLibrary { try loaded.get() }

  /// Loads the library in the file named, which is looked for where dlopen(3) does.
  init(fileName: String) throws(SystemCallFilterError) {
    var functions = cseccomp_functions()
    if let reason = unsafe cseccomp_load(fileName, &functions) {
      throw .noLibrary(unsafe String(cString: reason))
    }
    self.functions = functions
  }

  /// Compiles rules to a program of the kernel's.
  func compile(_ rules: [SystemCallRule]) throws(SystemCallFilterError) -> [UInt64] {
    try unsafe withUnsafePointer(to: functions) { functions throws(SystemCallFilterError) in
      guard let context = unsafe cseccomp_begin(functions) else { throw .failed(.noMemory) }
      defer { unsafe cseccomp_end(functions, context) }
      for rule in rules {
        let conditions = rule.conditions.map(\.native)
        let result = unsafe rule.name.withCString { name in
          unsafe cseccomp_add(
            functions, context, name, rule.error ?? 0, conditions, UInt32(conditions.count))
        }
        guard result >= 0 else { throw .badRule(rule.name, Errno(rawValue: -result)) }
      }
      var program = [UInt64](repeating: 0, count: SystemCallFilter.instructionLimit)
      let count = unsafe cseccomp_compile(functions, context, &program, program.count)
      guard count >= 0 else { throw .failed(Errno(rawValue: -count)) }
      return Array(program.prefix(Int(count)))
    }
  }

  /// Filters the calling thread's calls by a compiled program from now on.
  func install(_ program: [UInt64]) throws(SystemCallFilterError) { _ = try install(program, flags: 0) }

  /// The same, but the thread waits at each call that the program would refuse, until a reader of the listener lets it go on.
  ///
  /// - Returns: the listener's descriptor.
  func installWithListener(_ program: [UInt64]) throws(SystemCallFilterError) -> Int32 {
    var program = program
    unsafe cseccomp_ask_instead(&program, program.count)
    return try install(program, flags: CSECCOMP_WITH_LISTENER)
  }

  private func install(_ program: [UInt64], flags: UInt32) throws(SystemCallFilterError) -> Int32 {
    guard let count = UInt16(exactly: program.count) else { throw .failed(.invalidArgument) }
    let result = unsafe cseccomp_install(program, count, flags)
    guard result >= 0 else { throw .failed(Errno(rawValue: -result)) }
    return result
  }

  /// Both ends of a channel for listeners: the one to read from, then the one to announce at.
  static func makeChannel() throws(Errno) -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    try check(unsafe cseccomp_make_channel(&ends))
    return (ends[0], ends[1])
  }

  /// Reports the calls of the listeners that are announced at `channel`, each once, until its other end is closed.
  ///
  /// - Parameters:
  ///   - prefix: What each line begins with.
  ///   - kinds: The labels of threads, by the number with which their listeners are announced.
  func report(from channel: Int32, prefix: String, kinds labels: [String]) {
    let labels = labels.map { Array($0.utf8.prefix(Int(CSECCOMP_NAME_BYTES) - 1)) }
    let kinds = labels.flatMap { label in
      label.map { CChar(bitPattern: $0) }
        + [CChar](repeating: 0, count: Int(CSECCOMP_NAME_BYTES) - label.count)
    }
    let names = names()
    // SAFETY: a label and a name have CSECCOMP_NAME_BYTES bytes each, the last of which is zero.
    _ = unsafe prefix.withCString {
      unsafe cseccomp_report(channel, $0, names, kinds, UInt32(labels.count))
    }
  }

  /// The names of all system calls, as the report needs them.
  private func names() -> [CChar] {
    var names = [CChar](repeating: 0, count: CSECCOMP_NAME_BYTES * CSECCOMP_NAME_COUNT)
    unsafe withUnsafePointer(to: functions) { unsafe cseccomp_fill_names($0, &names) }
    return names
  }
}

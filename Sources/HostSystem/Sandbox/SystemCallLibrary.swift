import CSeccomp
import SystemPackage

/// libseccomp, loaded when the first filter is made, and never unloaded.
@safe
final class SystemCallLibrary: Sendable {
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

  /// The names of all system calls, as ``SystemCallReporter`` needs them.
  func names() -> [CChar] {
    var names = [CChar](repeating: 0, count: CSECCOMP_NAME_BYTES * CSECCOMP_NAME_COUNT)
    unsafe withUnsafePointer(to: functions) { unsafe cseccomp_fill_names($0, &names) }
    return names
  }
}

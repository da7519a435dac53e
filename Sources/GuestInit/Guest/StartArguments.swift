/// What the kernel put on the stack for the program: arguments and environment.
// SAFETY: the kernel promises the layout (System V ABI for AMD64, "Process Initialization").
@safe
struct StartArguments {
  /// Null-terminated pointers, as execve takes them.
  let arguments: UnsafeMutablePointer<UnsafePointer<UInt8>?>
  let environment: UnsafeMutablePointer<UnsafePointer<UInt8>?>

  @unsafe
  init(stack: UnsafeMutablePointer<UInt>) {
    let count = unsafe Int(bitPattern: stack.pointee)
    let words = unsafe UnsafeMutableRawPointer(stack + 1)
    unsafe arguments = words.assumingMemoryBound(to: UnsafePointer<UInt8>?.self)
    unsafe environment = arguments + count + 1
  }

  /// By what name the program was started.
  var programName: Text {
    guard let name = unsafe arguments[0] else { return "" }
    return unsafe Text(start: name)
  }

  /// The value of an environment variable; `name` ends in "=".
  func variable(_ name: Text) -> Text? {
    var index = 0
    while let pointer = unsafe environment[index] {
      let entry = unsafe Text(start: pointer)
      if entry.starts(with: name) { return entry.dropFirst(name.count) }
      index += 1
    }
    return nil
  }

  /// Becomes `program`, with the same arguments and environment. Returns why not.
  func execute(_ program: Text) -> Errno {
    unsafe arguments[0] = program.start
    do throws(Errno) {
      try Kernel.call(
        .execve, program.address, unsafe UInt64(UInt(bitPattern: arguments)),
        unsafe UInt64(UInt(bitPattern: environment)))
      return .noExecutable
    } catch {
      return error
    }
  }
}

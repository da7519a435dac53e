import CLinux
import Glibc
import SystemPackage

/// A program that this process started: in a process group of its own, without standard input, and with no descriptor but
/// those that it is given. It is killed with its owner.
///
/// Built on posix_spawn(3), or on fork(2) where the program starts later: it needs no thread, no run loop and hardly any
/// memory, so that it fails with an error where descriptors or memory are short.
public struct ChildProcess: ~Copyable {
  /// The kernel's number.
  public let id: Int32
  /// Its exit code, or 128 and the signal that ended it; nil while it runs, as far as is known.
  public private(set) var exitCode: Int32?

  /// Starts the program at `path`.
  ///
  /// - Parameters:
  ///   - path: Of the program's file; PATH is not searched.
  ///   - arguments: Without the program's name.
  ///   - environment: All of it; nil: this process's.
  ///   - folder: Where it starts; nil: where this process is.
  ///   - output: A descriptor for its standard output; nil: this process's.
  ///   - errors: The same for standard error.
  ///   - descriptors: Further descriptors, which it has as 3, 4 and so on.
  /// - Throws: What the kernel says, such as `ENOENT`; `EINVAL` for text with a zero byte.
  public init(
    path: String, arguments: [String], environment: [String: String]? = nil, folder: String? = nil,
    output: Int32? = nil, errors: Int32? = nil, descriptors: [Int32] = []
  ) throws(Errno) {
    let words = try CStringList([path] + arguments)
    let variables = try Self.list(environment)
    let place = try folder.map { folder throws(Errno) in try CStringList([folder]) }
    var copies: [Int32] = []
    defer { Self.close(copies) }
    try Self.copy(descriptors, to: &copies)
    var process: Int32 = 0
    // SAFETY: the lists own what they point to, end with a null pointer, and outlive the call.
    let result = unsafe linux_spawn(
      words.pointers[0], words.pointers, variables?.pointers, place?.pointers[0], output ?? -1, errors ?? -1,
      copies, Int32(clamping: copies.count), &process)
    try check(result)
    id = process
  }

  /// Makes a process that starts the program at `path` once there is a byte on the descriptor with the index `gate` of
  /// `descriptors`. It takes the byte; at the end of the stream it ends with 127, as it does where the program cannot be
  /// started. Until then it costs hardly more than a copy of this process's page tables.
  ///
  /// Parameters and errors as above.
  public init(
    path: String, arguments: [String], environment: [String: String]? = nil, output: Int32,
    descriptors: [Int32], gate: Int
  ) throws(Errno) {
    let words = try CStringList([path] + arguments)
    let variables = try Self.list(environment)
    var copies: [Int32] = []
    defer { Self.close(copies) }
    try Self.copy(descriptors, to: &copies)
    var process: Int32 = 0
    // SAFETY: as above.
    let result = unsafe linux_spawn_at_gate(
      words.pointers[0], words.pointers, variables?.pointers, output, copies, Int32(clamping: copies.count),
      Int32(clamping: gate), &process)
    try check(result)
    id = process
  }

  private static func list(_ environment: [String: String]?) throws(Errno) -> CStringList? {
    try environment.map { variables throws(Errno) in
      try CStringList(variables.map { "\($0)=\($1)" })
    }
  }

  /// With numbers above those that they get in the new process, so that none takes the place of another.
  private static func copy(_ descriptors: [Int32], to copies: inout [Int32]) throws(Errno) {
    for descriptor in descriptors {
      copies.append(try check(linux_copy_descriptor(descriptor, Int32(clamping: 3 + descriptors.count))))
    }
  }

  private static func close(_ copies: [Int32]) {
    for copy in copies { _ = linux_close(copy) }
  }

  /// Whether it still runs; does not block.
  public mutating func isRunning() throws(Errno) -> Bool {
    try wait(blocks: false)
    return exitCode == nil
  }

  /// Blocks until it has ended.
  ///
  /// - Returns: ``exitCode``.
  @discardableResult
  public mutating func wait() throws(Errno) -> Int32 {
    try wait(blocks: true)
    return exitCode ?? 0
  }

  private mutating func wait(blocks: Bool) throws(Errno) {
    guard exitCode == nil else { return }
    var code: Int32 = 0
    // SAFETY: the code lives for the duration of the call.
    if try check(unsafe linux_wait_for_process(id, blocks ? 1 : 0, &code)) == 1 { exitCode = code }
  }

  /// Sends `signal` to it and to what it started; nothing happens if it has ended.
  public func signal(_ signal: Int32) {
    // Until it was waited for, its number belongs to nobody else.
    if exitCode == nil { _ = linux_signal_group(id, signal) }
  }

  /// Leaves the process to itself: it is neither killed nor waited for.
  public consuming func release() { discard self }

  deinit {
    guard exitCode == nil else { return }
    _ = linux_signal_group(id, SIGKILL)
    var code: Int32 = 0
    // SAFETY: as above.
    _ = unsafe linux_wait_for_process(id, 1, &code)
  }
}

/// Strings as C takes a list of them: pointers, ended by a null pointer.
@safe
private final class CStringList {
  // SAFETY: the table has `count` entries, the last one null, and owns the copies that it points to until `deinit`.
  /// Valid for as long as this object lives.
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  /// Copies `strings`.
  ///
  /// - Throws: `EINVAL` if one has a zero byte, which would end it early; `ENOMEM`.
  init(_ strings: [String]) throws(Errno) {
    guard !strings.contains(where: { $0.utf8.contains(0) }) else { throw .invalidArgument }
    count = strings.count + 1
    unsafe pointers = .allocate(capacity: count)
    unsafe pointers.initialize(repeating: nil, count: count)
    for (index, string) in strings.enumerated() {
      unsafe pointers[index] = strdup(string)
      // The rest is freed by deinit.
      if unsafe pointers[index] == nil { throw .noMemory }
    }
  }

  deinit {
    for index in 0..<count { unsafe free(pointers[index]) }
    unsafe pointers.deallocate()
  }
}

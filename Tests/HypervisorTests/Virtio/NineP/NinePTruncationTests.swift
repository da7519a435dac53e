import Glibc
import HostSystem
import Hypervisor
import Synchronization
import Testing

/// Changes of size by a process that is not root, to whom a file's mode means something.
@Suite struct NinePTruncationTests {
  private static let nobody: UInt32 = 65534
  private let directory = NinePTemporaryDirectory()

  @Test func `a file that is open for writing changes its size whatever its mode has become`() throws {
    directory.write("file", "12345678")
    _ = unsafe chown(directory.path, Self.nobody, Self.nobody)
    _ = unsafe chown(directory.path("file"), Self.nobody, Self.nobody)
    let path = directory.path
    let outcome = SharedOutcome()
    try HostThread(name: "nobody", cpus: nil) { outcome.set(Result { try Self.truncations(path) }) }.join()
    let errors = try #require(outcome.get()).get()
    // Through the fid that writes; through one that reads; through one that is not open.
    #expect(errors == [0, EACCES, EACCES])
    #expect(directory.status("file")?.st_size == 3)
  }

  private static func truncations(_ path: String) throws -> [Int32] {
    if geteuid() == 0 {
      // Of this thread alone: the kernel then also ignores the capabilities that override modes.
      typealias SetUser = @convention(c) (UInt32) -> Int32
      guard let symbol = unsafe dlsym(nil, "setfsuid") else { return [] }
      _ = unsafe unsafeBitCast(symbol, to: SetUser.self)(nobody)
    }
    let client = try NinePClient(NinePShare(path: path, tag: "test", readOnly: false), user: nobody)
    let writer = try client.open(["file"], flags: 1)
    let reader = try client.open(["file"])
    try client.setAttributes(writer, valid: 1, mode: 0o444)
    return [writer, reader, try client.walk(["file"])].map { fid in
      do {
        try client.setAttributes(fid, valid: 8, size: 3)
        return 0
      } catch {
        return (error as? NinePRefusal)?.number ?? -1
      }
    }
  }

  /// What the thread found.
  private final class SharedOutcome: Sendable {
    private let value = Mutex<Result<[Int32], any Error>?>(nil)
    func set(_ new: Result<[Int32], any Error>) { value.withLock { $0 = new } }
    func get() -> Result<[Int32], any Error>? { value.withLock { $0 } }
  }
}

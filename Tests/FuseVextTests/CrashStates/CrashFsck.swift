import Glibc

/// Runs e2fsck on copies of images, a few at a time.
final class CrashFsck {
  private struct Slot {
    let file: CrashImageFile
    /// The blocks that may differ from zero.
    var blocks: Set<Int> = []
    var child: pid_t = -1
    var label = ""
  }

  private var slots: [Slot] = []
  private let folder: String
  private let program: String
  /// Called for each image that e2fsck does not find clean.
  private let report: (_ label: String, _ output: String) -> Void

  init(slotCount: Int, byteCount: Int, report: @escaping (String, String) -> Void) throws {
    folder = TemporaryFolder.uniquePath("crash").replacingPrefix("/tmp", by: "/dev/shm")
    program = ["/sbin/e2fsck", "/usr/sbin/e2fsck"].first { unsafe access($0, X_OK) == 0 } ?? "e2fsck"
    self.report = report
    unsafe mkdir(folder, 0o700)
    for index in 0..<slotCount {
      slots.append(Slot(file: try CrashImageFile(path: "\(folder)/image-\(index)", byteCount: byteCount)))
    }
  }

  deinit {
    for slot in slots {
      if slot.child > 0 { _ = Command.wait(for: slot.child) }
      slot.file.remove()
      unsafe _ = unlink("\(slot.file.path).output")
    }
    unsafe _ = rmdir(folder)
  }

  /// Makes every byte of the copies zero: the next image comes.
  func clear() {
    finish()
    for index in slots.indices {
      slots[index].file.clear()
      slots[index].blocks = []
    }
  }

  /// Checks a copy of an image by `e2fsck -fn`, while the caller goes on.
  ///
  /// - Parameter blocks: Where the image has anything; the rest is zero.
  func submit(_ memory: CrashMemory, _ blocks: [Int], blockByteCount: Int, label: String) {
    let index = freeSlot()
    copy(memory, blocks, blockByteCount, to: index)
    slots[index].label = label
    slots[index].child = spawn(["-fn"], slots[index].file.path)
  }

  /// Runs e2fsck on a copy of an image and returns its exit code, what it says, and the copy.
  func run(
    _ options: [String], on memory: CrashMemory, _ blocks: [Int], blockByteCount: Int
  ) -> (exitCode: Int32, output: String, file: CrashImageFile) {
    let index = freeSlot()
    copy(memory, blocks, blockByteCount, to: index)
    let (exitCode, output) = run(options, on: slots[index].file)
    return (exitCode, output, slots[index].file)
  }

  /// Runs e2fsck on what an earlier run has left.
  func run(_ options: [String], on file: CrashImageFile) -> (exitCode: Int32, output: String) {
    let exitCode = Command.wait(for: spawn(options, file.path))
    return (exitCode, Command.text(of: "\(file.path).output"))
  }

  /// Waits for all.
  func finish() { for index in slots.indices { collect(index) } }

  private func copy(_ memory: CrashMemory, _ blocks: [Int], _ blockByteCount: Int, to index: Int) {
    // What an earlier image had there may be nothing in this one.
    slots[index].blocks.formUnion(blocks)
    for block in slots[index].blocks {
      slots[index].file.memory.copy(block * blockByteCount, blockByteCount, from: memory)
    }
  }

  private func freeSlot() -> Int {
    if let free = slots.firstIndex(where: { $0.child <= 0 }) { return free }
    var status: Int32 = 0
    for index in slots.indices {
      guard unsafe waitpid(slots[index].child, &status, WNOHANG) == slots[index].child else { continue }
      end(index, status)
      return index
    }
    collect(0)
    return 0
  }

  private func collect(_ index: Int) {
    guard slots[index].child > 0 else { return }
    var status: Int32 = 0
    unsafe _ = waitpid(slots[index].child, &status, 0)
    end(index, status)
  }

  private func end(_ index: Int, _ status: Int32) {
    slots[index].child = -1
    if status != 0 { report(slots[index].label, Command.text(of: "\(slots[index].file.path).output")) }
  }

  private func spawn(_ options: [String], _ path: String) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(
      &actions, 1, "\(path).output", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var pointers = unsafe ([program] + options + [path]).map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    var child: pid_t = 0
    return unsafe posix_spawn(&child, program, &actions, nil, &pointers, environ) == 0 ? child : -1
  }
}

extension String {
  fileprivate func replacingPrefix(_ prefix: String, by other: String) -> String {
    hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
  }
}

/// Where Entry.S hands over. The program is the first process of a guest twice: as `/init` of the initramfs, and as
/// `/virt/init` of a root directory that `lkvm setup` made.
@c(init_main)
func main(stack: UnsafeMutablePointer<UInt>) -> Never {
  // SAFETY: Entry.S passes the stack pointer that the kernel started the program with.
  let start = unsafe StartArguments(stack: stack)
  guard (try? Kernel.call(.getpid)) == 1 else {
    report("this program is the first process of a guest of lkvm, nothing else")
    exit(GuestEnd.failureStatus)
  }
  GuestEnd.end(status: runStage(start))
}

/// Runs the stage that the program was started as. Returns the exit status that the guest ends with; nil if its system could
/// not be started.
private func runStage(_ start: StartArguments) -> UInt8? {
  var arena = InitArena()
  do throws(StageFailure) {
    if start.programName.ends(with: "virt/init") { return try RootStage(start: start).run(&arena) }
    return try InitramfsStage(start: start).run(&arena)
  } catch {
    report("cannot ", error.action, ": ", error.cause.text)
    return nil
  }
}

/// What could not be done, and why.
struct StageFailure: Error {
  let action: Text
  let cause: Errno
}

/// Performs `body`, and says what it was for if it fails.
func attempt<Value: ~Copyable>(
  _ action: Text, _ body: () throws(Errno) -> Value
) throws(StageFailure) -> Value {
  do throws(Errno) {
    return try body()
  } catch {
    throw StageFailure(action: action, cause: error)
  }
}

import SystemPackage
import VextProtocol

extension VextClientQueue {
  /// Takes all available completions and returns their number.
  func drain() -> Int {
    var count = 0
    while true {
      switch completions.poll() {
      case .idle: return count
      case .ready(let entry):
        guard complete(entry) else {
          stop()
          return count
        }
        count += 1
      case .violation:
        stop()
        return count
      }
    }
  }

  /// Handles a completion.
  ///
  /// - Returns: false if no entry with its id is in flight.
  private func complete(_ answer: VextCompletionEntry) -> Bool {
    let id = Int(answer.id)
    guard id < depth, case .request(let request) = commands[id].owner else { return false }
    let error = Self.error(answer, expected: commands[id].byteCount)
    if let bounce = unsafe commands[id].bounce {
      if error == 0, commands[id].entry.operation == VextOperation.read.rawValue {
        let count = Int(commands[id].byteCount)
        let offset = commands[id].bounceOffset
        // SAFETY: the caller keeps its buffers until it has taken the result.
        unsafe requests[request].targets.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bounce[..<count]), at: offset)
      }
      unsafe giveBackBounce(bounce)
      unsafe commands[id].bounce = nil
    }
    commands[id].owner = .nobody
    giveBack(id)
    inFlightCount -= 1
    requests[request].remaining -= 1
    if error != 0 { note(Errno(rawValue: error), request: request) }
    return true
  }

  /// The errno of a completion (docs/vext-protocol.md §7), 0 for success; EIO for an unknown number or a short transfer.
  private static func error(_ answer: VextCompletionEntry, expected: UInt64) -> CInt {
    let lastKnown: UInt16 = 133
    if answer.status == 0 { return answer.byteCount == expected ? 0 : Errno.ioError.rawValue }
    return answer.status <= lastKnown ? CInt(answer.status) : Errno.ioError.rawValue
  }

  /// Records a request's error, unless it has one.
  func note(_ error: Errno, request: Int) {
    if requests[request].error == 0 { requests[request].error = error.rawValue }
  }

  /// Disables the queue after the device stopped it or broke the protocol.
  ///
  /// The device completes the requests in flight first; all other requests end with `EIO`.
  func stop() {
    guard failure == nil else { return }
    failure = .ioError
    setControl(0)
    takeLastAnswers()
    endRequests(.ioError)
    endCommands()
  }

  private func takeLastAnswers() {
    while case .ready(let entry) = completions.poll(), complete(entry) {}
  }

  /// Ends all requests with `ETIMEDOUT`, and holds their memory, because the device may still carry them out.
  func expire() {
    failure = .timedOut
    endRequests(.timedOut)
    for id in commands.indices {
      guard case .request = commands[id].owner else { continue }
      commands[id].owner = .abandoned
      if unsafe commands[id].bounce == nil { unsafe forEachDataPage(of: id) { unsafe pool.hold($0) } }
    }
  }

  /// Ends every request that is in flight.
  func endRequests(_ error: Errno) {
    for requestIndex in requests.indices where requests[requestIndex].remaining > 0 {
      note(error, request: requestIndex)
      requests[requestIndex].remaining = 0
    }
  }

  /// Frees the memory and ids of all entries. The device must not have any entry.
  func endCommands() {
    for id in commands.indices {
      switch commands[id].owner {
      case .nobody: continue
      case .abandoned:
        if unsafe commands[id].bounce == nil { unsafe forEachDataPage(of: id) { unsafe pool.release($0) } }
      case .request: break
      }
      if let bounce = unsafe commands[id].bounce { unsafe giveBackBounce(bounce) }
      unsafe commands[id].bounce = nil
      commands[id].owner = .nobody
      giveBack(id)
    }
    inFlightCount = 0
  }

  private func giveBackBounce(_ bounce: UnsafeMutableRawBufferPointer) {
    if unsafe bounce.baseAddress == reserve.baseAddress {
      isReserveInUse = false
    } else {
      unsafe pool.deallocate(bounce)
    }
  }
}

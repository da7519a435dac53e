import Hypervisor
import MicroGuest
import VextProtocol

/// One worker's words in guest memory, as the host reads them while the guest runs: copies only, and nothing in them is trusted.
struct WorkerView {
  private let memory: GuestMemory
  private let base: GuestAddress
  private let index: Int

  init(memory: GuestMemory, layout: GuestLayout, index: Int) {
    self.memory = memory
    self.index = index
    base = GuestAddress(layout.workerAddress.rawValue + UInt64(index * WorkloadLayout.workerStride))
  }

  /// Word `index` of them.
  func word(_ index: Int) throws -> UInt64 {
    try unsafe memory.sharedWords(at: base, wordCount: WorkloadLayout.workerStride / 8).loadAcquiring(index)
  }

  /// What the worker is doing, or nil where it wrote a value that is not a state.
  func state() throws -> WorkerState? { WorkerState(rawValue: try word(WorkerWord.state)) }

  /// The histogram's counts.
  func histogram() throws -> [UInt64] {
    try (0..<TickHistogram.bucketCount).map { try word(WorkloadLayout.histogramOffset / 8 + $0) }
  }

  /// Says in words why the worker failed.
  func describeFailure() throws -> String {
    let detail = try word(WorkerWord.failureDetail)
    let reason =
      switch WorkerFailure(rawValue: try word(WorkerWord.failure)) {
      case .exception: try describeFault()
      case .deviceMissing: "found no usable device"
      case .queueRefused: "the device refused a queue: \(describeError(detail))"
      case .queueStopped: "the device stopped the queue: \(describeError(detail))"
      case .outOfMemory: "has too little memory for its rings and buffers"
      case .unknownCompletion: "got an answer to request \(detail), which was not in flight"
      case .badParameter: "cannot use parameter \(detail)"
      case .flushFailed: "a flush failed with status \(detail)"
      case .some(.none), nil: "failed without a known reason"
      }
    return "guest worker \(index) \(reason)"
  }

  private func describeError(_ code: UInt64) -> String {
    UInt32(exactly: code).flatMap(VextQueueError.init(rawValue:)).map { "\($0)" } ?? "code \(code)"
  }

  private func describeFault() throws -> String {
    func fault(_ index: Int) throws -> String {
      "0x" + String(try word(WorkerWord.fault + index), radix: 16)
    }
    let names = [
      "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    ]
    let registers = try names.enumerated().map { number, name in
      "\(name) \(try fault(FaultWord.generalRegisters + number))"
    }
    return """
      took exception \(try word(WorkerWord.fault + FaultWord.vector)), error code \(try fault(FaultWord.errorCode))
        rip \(try fault(FaultWord.rip)) cs \(try fault(FaultWord.cs)) rflags \(try fault(FaultWord.rflags)) \
      rsp \(try fault(FaultWord.rsp)) ss \(try fault(FaultWord.ss)) cr2 \(try fault(FaultWord.cr2))
        \(registers.prefix(8).joined(separator: " "))
        \(registers.dropFirst(8).joined(separator: " "))
      """
  }
}

/// Single words that another thread uses at the same time.
extension GuestMemory {
  /// Announces what was stored before.
  func storeReleasing(_ value: UInt64, at address: GuestAddress) throws(GuestMemoryError) {
    try unsafe sharedWords(at: address, wordCount: 1).storeReleasing(0, value)
  }

  /// Reads an announcement.
  func loadAcquiring(at address: GuestAddress) throws(GuestMemoryError) -> UInt64 {
    try unsafe sharedWords(at: address, wordCount: 1).loadAcquiring(0)
  }
}

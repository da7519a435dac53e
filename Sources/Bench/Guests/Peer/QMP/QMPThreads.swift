/// Which threads of QEMU's do what, as its monitor says.
struct QMPThreads: Equatable, Sendable {
  /// The threads of the vCPUs, in their order.
  let vcpus: [Int32]
  /// The iothreads.
  let ioThreads: [Int32]

  /// Reads the answers to `query-cpus-fast` and `query-iothreads`; nil if they have another form.
  init?(cpus: JSONValue, ioThreads: JSONValue) {
    guard case .array(let cpus) = cpus, case .array(let ioThreads) = ioThreads else { return nil }
    var numbered: [(index: UInt64, thread: Int32)] = []
    for cpu in cpus {
      guard let index = cpu["cpu-index"]?.count, let thread = Self.thread(cpu) else { return nil }
      numbered.append((index, thread))
    }
    vcpus = numbered.sorted { $0.index < $1.index }.map(\.thread)
    self.ioThreads = ioThreads.compactMap(Self.thread)
    guard self.ioThreads.count == ioThreads.count else { return nil }
  }

  private static func thread(_ value: JSONValue) -> Int32? {
    value["thread-id"]?.count.flatMap(Int32.init(exactly:)).flatMap { $0 > 0 ? $0 : nil }
  }
}

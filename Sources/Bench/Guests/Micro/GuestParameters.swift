import Hypervisor
import MicroGuest
import VextProtocol

/// The parameter page: what the host tells a micro guest before it starts.
struct GuestParameters {
  /// The workload.
  let configuration: RunConfiguration
  /// The data path, and with it the driver that the guest uses.
  let mode: DataPathMode
  /// Seed of the workers' random numbers.
  let seed: UInt64
  /// Ticks of the guest's TSC per millisecond.
  let tscKilohertz: UInt64
  /// What the guest does wrong on purpose.
  let misbehaviour: Misbehaviour

  /// How long a guest looks for an answer before it waits for an interrupt: as an I/O thread does for requests.
  private static let shortestWindow = TimeSpan(nanoseconds: 8_000)
  private static let longestWindow = TimeSpan(nanoseconds: 200_000)

  /// Writes the page.
  func write(to memory: GuestMemory, layout: GuestLayout) throws {
    let words: [(Int, UInt64)] = [
      (ParameterWord.magic, WorkloadLayout.magic),
      (ParameterWord.workerCount, UInt64(configuration.workerCount)),
      (ParameterWord.transport, mode.guestTransport.rawValue),
      (ParameterWord.isRandom, configuration.rw.isRandom ? 1 : 0),
      (ParameterWord.readPercent, UInt64(configuration.rw.readPercent)),
      (ParameterWord.blockByteCount, configuration.blockSize.byteCount),
      (ParameterWord.iodepth, UInt64(configuration.iodepth)),
      (ParameterWord.regionByteCount, configuration.regionSize.byteCount),
      (ParameterWord.runtimeTicks, configuration.runtime.map(ticks) ?? 0),
      (ParameterWord.warmupTicks, ticks(configuration.warmup)),
      (ParameterWord.requestLimit, configuration.requestLimit ?? 0),
      (ParameterWord.seed, seed),
      (ParameterWord.verify, configuration.verifies ? 1 : 0),
      (ParameterWord.heapBase, layout.heapAddress.rawValue),
      (ParameterWord.heapEnd, layout.memoryByteCount),
      (ParameterWord.misbehaviour, misbehaviour.rawValue),
      (ParameterWord.workerBase, layout.workerAddress.rawValue),
      (ParameterWord.thinkTicks, configuration.thinkTime.map(ticks) ?? 0),
      (ParameterWord.shortestWindowTicks, ticks(Self.shortestWindow)),
      (ParameterWord.longestWindowTicks, ticks(Self.longestWindow)),
      (ParameterWord.coalescesInterrupts, mode == .virtioBlockTuned ? 1 : 0),
      (ParameterWord.adaptation, configuration.adaptations(of: mode).ofDriver.rawValue),
      (ParameterWord.tscKilohertz, tscKilohertz),
      (ParameterWord.command, HostCommand.prepare.rawValue),
    ]
    for (word, value) in words {
      try memory.store(value, at: GuestAddress(layout.parameterAddress.rawValue + UInt64(word) * 8))
    }
  }

  private func ticks(_ span: TimeSpan) -> UInt64 {
    UInt64(Double(span.nanoseconds) * Double(tscKilohertz) / 1e6)
  }
}

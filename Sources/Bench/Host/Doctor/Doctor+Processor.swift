import HostSystem

/// CPUs: how many, which, and how fast they are.
extension Doctor {
  /// An idle state that takes longer to leave than this costs as much as all that a wake-up measures.
  private static let spoilingExitLatency = 20
  private static let notedExitLatency = 2

  private var usableCPUCount: Int {
    environment.topology?.cpus.count(where: \.isUsable) ?? host.onlineCPUCount
  }

  var cpuCount: Finding {
    let threads = configuration.guestCount * configuration.workerCount + configuration.ioThreadCount
    let usable = usableCPUCount
    let why =
      "a thread that polls never yields its CPU: another thread on it waits milliseconds for a time slice"
    let found =
      "\(usable) usable CPU\(usable == 1 ? "" : "s") for \(threads) busy threads and the one that controls them"
    if environment.placement?.oversubscribed ?? (usable < threads) {
      return Finding(
        check: .cpuCount, severity: .spoils, found: found, why: why,
        remedy: "fewer guests or workers, or more CPUs: \(threads + 1) are enough")
    }
    return Finding(
      check: .cpuCount, severity: usable == threads ? .note : .ok, found: found, why: why,
      remedy: usable == threads
        ? "take \(threads + 1) CPUs: all else on the host now interrupts a busy thread" : nil)
  }

  /// Nil where no core has two threads.
  var siblings: Finding? {
    guard let topology = environment.topology, let placement = environment.placement,
      topology.cpus.contains(where: { $0.isOnline && $0.siblings.count > 1 })
    else { return nil }
    let vcpus = CPUSet(placement.vcpuCPUs.joined())
    let crowded = Set(placement.ioThreadCPUs).sorted().filter { ioThread in
      let others = topology.cpu(ioThread)?.siblings.subtracting(CPUSet([ioThread])) ?? CPUSet([])
      return !others.intersection(vcpus).isEmpty
    }
    let why =
      "two threads of one core share its units: one that polls slows the other, and the paths differ in that"
    guard !crowded.isEmpty else {
      return Finding(
        check: .siblings, severity: .ok,
        found: "no vCPU runs on the other hardware thread of an I/O thread's core", why: why)
    }
    return Finding(
      check: .siblings, severity: .spoils,
      found: "a vCPU runs on the other hardware thread of an I/O thread's core (CPU \(CPUSet(crowded)))",
      why: why,
      remedy: freeCoreRemedy(topology))
  }

  /// How to keep I/O threads and vCPUs on different cores.
  private func freeCoreRemedy(_ topology: NUMATopology) -> String {
    let cores = Set(topology.cpus.filter(\.isUsable).map { $0.siblings.sorted.first ?? $0.id }).sorted()
    let ioThreads = configuration.ioThreadCount
    guard cores.count > ioThreads else {
      return
        "echo off > /sys/devices/system/cpu/smt/control, and a machine with \(ioThreads + 1) cores or more"
    }
    return
      "--io-thread-cpus \(CPUSet(cores.prefix(ioThreads))) --vcpu-cpus \(CPUSet(cores.dropFirst(ioThreads)))"
      + ", or echo off > /sys/devices/system/cpu/smt/control"
  }

  var isolation: Finding? {
    guard let settings = host.kernelSettings else { return nil }
    let why =
      "the scheduler puts other work, and the timer 250 interrupts a second, on the measured CPUs; each is a vmexit"
    guard let isolated = settings.isolatedCPUs else {
      let busy =
        environment.placement.map { CPUSet($0.ioThreadCPUs + $0.vcpuCPUs.joined()).description } ?? "LIST"
      return Finding(
        check: .isolation, severity: .note, found: "CPUs are not isolated", why: why,
        remedy: "on a machine of your own, boot with isolcpus=\(busy) nohz_full=\(busy)")
    }
    return Finding(
      check: .isolation, severity: .ok,
      found: "CPUs \(isolated) are isolated" + (settings.tickLessCPUs.map { ", \($0) without a tick" } ?? ""),
      why: why)
  }

  var governor: Finding? {
    let why =
      "a CPU that was idle begins slowly, which costs threads that sleep and not those that poll"
    guard let governors = host.processor?.governors else { return nil }
    guard governors != ["performance"] else {
      return Finding(
        check: .governor, severity: .ok, found: "all CPUs have the governor performance", why: why)
    }
    return Finding(
      check: .governor, severity: .spoils,
      found: "the CPUs' governor is \(governors.joined(separator: ", "))", why: why,
      remedy: "cpupower frequency-set -g performance")
  }

  var turbo: Finding? {
    guard let isEnabled = host.processor?.isTurboEnabled else { return nil }
    let why =
      "the clock then depends on temperature and on how many CPUs are busy, which is what the paths differ in"
    guard isEnabled else { return Finding(check: .turbo, severity: .ok, found: "turbo is off", why: why) }
    let usesIntel = host.processor?.frequencyDriver?.hasPrefix("intel_pstate") ?? false
    return Finding(
      check: .turbo, severity: .note, found: "turbo is on", why: why,
      remedy: usesIntel
        ? "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo"
        : "echo 0 > /sys/devices/system/cpu/cpufreq/boost")
  }

  var idleStates: Finding? {
    guard let states = host.processor?.idleStates else { return nil }
    let why = "a CPU that sleeps deeply takes that long to wake, in every path that waits for an interrupt"
    let enabled = states.filter { !$0.isDisabled }
    guard let deepest = enabled.max(by: { $0.exitLatencyMicroseconds < $1.exitLatencyMicroseconds }) else {
      return Finding(check: .idleStates, severity: .ok, found: "all idle states are off", why: why)
    }
    let latency = deepest.exitLatencyMicroseconds
    let severity: Finding.Severity =
      latency > Self.spoilingExitLatency ? .spoils : latency > Self.notedExitLatency ? .note : .ok
    return Finding(
      check: .idleStates, severity: severity,
      found: "the deepest idle state, \(deepest.name), takes \(latency) us to leave", why: why,
      remedy: severity == .ok ? nil : "cpupower idle-set -D \(Self.notedExitLatency)")
  }

  var clockSource: Finding {
    let why =
      "latencies are counted by the TSC; a kernel that does not trust it reads a device, or it is unstable"
    let name = host.clockSource
    if name == "tsc" {
      return Finding(check: .clockSource, severity: .ok, found: "the clock source is tsc", why: why)
    }
    // They are made of the TSC, and read without a system call.
    let isParavirtual = ["kvm-clock", "hyperv_clocksource_tsc_page"].contains(name)
    let isOffered = host.kernelSettings?.clockSources?.contains("tsc") ?? false
    return Finding(
      check: .clockSource, severity: isParavirtual ? .note : .spoils, found: "the clock source is \(name)",
      why: why,
      remedy: isOffered
        ? "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"
        : "look in dmesg for why the kernel gave up the TSC; boot with tsc=reliable only if it is")
  }

  /// Those that make an exit from the guest, or an entry into it, dearer.
  private static let exitMitigations = [
    "itlb_multihit", "l1tf", "mds", "mmio_stale_data", "retbleed", "spec_rstack_overflow", "spectre_v2",
    "tsa", "vmscape",
  ]

  var mitigations: Finding? {
    guard !host.mitigations.isEmpty else { return nil }
    let active = Self.exitMitigations.filter { host.mitigations[$0]?.contains("Mitigation") ?? false }
    let why =
      "they act on each vmexit and system call, so that paths with many of them look worse than elsewhere"
    guard !active.isEmpty else {
      return Finding(
        check: .mitigations, severity: .ok, found: "no mitigation makes vmexits dearer", why: why)
    }
    return Finding(
      check: .mitigations, severity: .note,
      found: "mitigations are active for \(active.joined(separator: ", "))", why: why,
      remedy:
        "leave them, as users do, and say so; for the bare cost, on an isolated machine, boot with mitigations=off"
    )
  }

  var interruptBalancing: Finding {
    let why =
      "the disk's interrupts then move between CPUs while a run is under way, and each on a vCPU's CPU is a vmexit"
    guard environment.activity.balancesInterrupts else {
      return Finding(check: .interruptBalancing, severity: .ok, found: "irqbalance does not run", why: why)
    }
    return Finding(
      check: .interruptBalancing, severity: .note, found: "irqbalance runs", why: why,
      remedy: "systemctl stop irqbalance")
  }
}

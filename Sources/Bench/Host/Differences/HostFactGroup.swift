/// Values of a host's record that matter for the same reason.
struct HostFactGroup: Sendable {
  /// What they are about.
  let title: String
  /// What a difference does to results.
  let why: String
  /// The keys, or what they begin with.
  let keys: [String]

  /// The groups, what usually matters most first. The last one takes what no other names.
  static let all = [
    HostFactGroup(
      title: "what executes guest code",
      why:
        "a vmexit takes 10 to 30 us in software and about 1 us with VT-x or AMD-V; times of an emulated CPU mean nothing",
      keys: ["kvm_backend", "timing_valid"]),
    HostFactGroup(
      title: "virtual or physical",
      why: "below a hypervisor CPUs are taken away, and exits of guests are emulated",
      keys: ["processor.virtual", "virtual_machine."]),
    HostFactGroup(
      title: "CPU", why: "generations differ in speed and in the cost of an exit by factors",
      keys: ["cpu_model", "processor.vendor", "processor.family", "processor.model", "processor.stepping"]),
    HostFactGroup(
      title: "frequency", why: "a governor that saves energy halves the speed of short requests",
      keys: [
        "governor", "processor.governors", "processor.energy_preferences", "processor.frequency_driver",
        "processor.lowest_khz", "processor.highest_khz", "processor.turbo",
      ]),
    HostFactGroup(
      title: "idle states",
      why: "waking a CPU from a deep state adds its exit latency to each request that waits",
      keys: ["processor.idle_"]),
    HostFactGroup(
      title: "CPUs and nodes",
      why: "threads that share a core, or memory of another node, take time from each other",
      keys: ["online_cpus", "smt_active", "processor.smt_control", "numa_nodes"]),
    HostFactGroup(
      title: "mitigations", why: "they make exits and system calls dearer, some by half",
      keys: ["mitigations."]),
    HostFactGroup(
      title: "storage", why: "below real disks, the device and its queue decide",
      keys: ["storage"]),
    HostFactGroup(
      title: "kernel", why: "its release and command line change KVM, the block layer and the scheduler",
      keys: [
        "kernel", "kernel_settings.version", "kernel_settings.command_line", "kernel_settings.isolated_cpus",
        "kernel_settings.nohz_full_cpus", "kvm_modules.",
      ]),
    HostFactGroup(
      title: "clock", why: "reading a clock that is not the TSC costs an exit or a system call",
      keys: ["clock_source", "kernel_settings.clock_sources"]),
    HostFactGroup(
      title: "memory", why: "huge pages, NUMA balancing and swapping move the latency's tail",
      keys: [
        "memory_bytes", "transparent_huge_pages", "huge_pages",
        "kernel_settings.transparent_huge_pages_defrag",
        "kernel_settings.numa_balancing", "kernel_settings.ksm", "kernel_settings.swap",
      ]),
    HostFactGroup(
      title: "microcode and programs", why: "they seldom matter, but some microcode slows exits",
      keys: ["processor.microcode", "fio_version"]),
    HostFactGroup(
      title: "the moment", why: "what else ran when the record was made",
      keys: ["load_average", "available_memory_bytes"]),
    HostFactGroup(title: "other settings", why: "they seldom matter", keys: [""]),
  ]

  /// The group of `key` by the longest name that fits it, and its rank from 1.
  static func group(of key: String) -> (rank: Int, group: HostFactGroup) {
    var best = (rank: all.count, length: 0)
    for (index, group) in all.enumerated() {
      for name in group.keys where fits(name, key) && name.count > best.length {
        best = (index + 1, name.count)
      }
    }
    return (best.rank, all[best.rank - 1])
  }

  /// A name that ends with a letter is a whole key or a part of one that ends there.
  private static func fits(_ name: String, _ key: String) -> Bool {
    guard key.hasPrefix(name) else { return false }
    guard let next = key.dropFirst(name.count).first, let last = name.last else { return true }
    return last == "." || last == "_" || next == "." || next == "[" || name == "kernel_settings.swap"
  }
}

/// Settings of the kernel that change results. Those that it does not publish are nil, and missing in the JSON file.
struct KernelSettings: Codable, Equatable, Sendable {
  /// Compiler, build and configuration in a line (/proc/version).
  var version: String?
  /// The command line that it was started with.
  var commandLine: String?
  /// CPUs that the scheduler leaves alone (`isolcpus=`), in list form.
  var isolatedCPUs: String?
  /// CPUs without a periodic tick (`nohz_full=`), in list form.
  var tickLessCPUs: String?
  /// Automatic NUMA balancing: 0 is off.
  var numaBalancing: Int?
  /// When the kernel makes room for transparent huge pages.
  var hugePageDefragmentation: String?
  /// Kernel same-page merging: 1 is on.
  var pageMerging: Int?
  /// How readily it swaps, 0 to 200.
  var swappiness: Int?
  /// Swap space, in bytes.
  var swapBytes: UInt64?
  /// Swap space in use, in bytes.
  var usedSwapBytes: UInt64?
  /// How many requests of libaio may be reserved.
  var aioLimit: UInt64?
  /// How many are.
  var aioReserved: UInt64?
  /// Who may use io_uring: 0 all, 1 the privileged, 2 no process.
  var ioUringDisabled: Int?
  /// Whether the NMI watchdog runs.
  var nmiWatchdog: Int?
  /// The available clock sources.
  var clockSources: [String]?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case version
    case commandLine = "command_line"
    case isolatedCPUs = "isolated_cpus"
    case tickLessCPUs = "nohz_full_cpus"
    case numaBalancing = "numa_balancing"
    case hugePageDefragmentation = "transparent_huge_pages_defrag"
    case pageMerging = "ksm"
    case swappiness
    case swapBytes = "swap_bytes"
    case usedSwapBytes = "swap_used_bytes"
    case aioLimit = "aio_max_nr"
    case aioReserved = "aio_nr"
    case ioUringDisabled = "io_uring_disabled"
    case nmiWatchdog = "nmi_watchdog"
    case clockSources = "clock_sources"
  }
}

extension KernelSettings {
  /// Reads /proc and /sys.
  init(_ files: KernelFiles) {
    version = files.word("proc/version")
    commandLine = files.word("proc/cmdline")
    isolatedCPUs = files.word("sys/devices/system/cpu/isolated")
    tickLessCPUs = files.word("sys/devices/system/cpu/nohz_full")
    numaBalancing = files.number("proc/sys/kernel/numa_balancing")
    hugePageDefragmentation = files.choice("sys/kernel/mm/transparent_hugepage/defrag")
    pageMerging = files.number("sys/kernel/mm/ksm/run")
    swappiness = files.number("proc/sys/vm/swappiness")
    swapBytes = files.memoryByteCount("SwapTotal")
    let free = files.memoryByteCount("SwapFree")
    usedSwapBytes = swapBytes.flatMap { total in free.map { total - min(total, $0) } }
    aioLimit = files.number("proc/sys/fs/aio-max-nr")
    aioReserved = files.number("proc/sys/fs/aio-nr")
    ioUringDisabled = files.number("proc/sys/kernel/io_uring_disabled")
    nmiWatchdog = files.number("proc/sys/kernel/nmi_watchdog")
    let clocks = files.word("sys/devices/system/clocksource/clocksource0/available_clocksource")
    clockSources = clocks.map { $0.split(separator: " ").map(String.init) }
  }
}

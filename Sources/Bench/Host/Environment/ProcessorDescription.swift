/// The CPUs and how they are set up. What the kernel does not tell is nil, and then missing in the JSON file.
struct ProcessorDescription: Codable, Equatable, Sendable {
  /// A state that an idle CPU may sink into.
  struct IdleState: Codable, Equatable, Sendable {
    /// The driver's name for it: `C1E`.
    var name: String
    /// How long a CPU takes to leave it, in microseconds.
    var exitLatencyMicroseconds: Int
    /// Whether it is switched off.
    var isDisabled: Bool

    enum CodingKeys: String, CodingKey {
      case name
      case exitLatencyMicroseconds = "exit_latency_us"
      case isDisabled = "disabled"
    }
  }

  /// "vendor_id" of /proc/cpuinfo.
  var vendor: String?
  /// "cpu family".
  var family: Int?
  /// "model".
  var model: Int?
  /// "stepping".
  var stepping: Int?
  /// The revision of the microcode, as the kernel writes it.
  var microcode: String?
  /// Whether the CPU says that a hypervisor runs below this kernel.
  var isVirtual: Bool
  /// What sets the frequencies: `intel_pstate`, `acpi-cpufreq`.
  var frequencyDriver: String?
  /// The governors in use, each once.
  var governors: [String]?
  /// What the CPUs prefer between speed and energy, each preference once.
  var energyPreferences: [String]?
  /// The lowest frequency that the governor of CPU 0 may choose, in kHz.
  var lowestKHz: Int?
  /// The highest one.
  var highestKHz: Int?
  /// Whether CPUs may exceed their nominal frequency.
  var isTurboEnabled: Bool?
  /// The kernel's control of SMT: `on`, `off`, `forceoff`, `notsupported`, `notimplemented`.
  var smtControl: String?
  /// What puts idle CPUs to sleep.
  var idleDriver: String?
  /// What chooses how deeply.
  var idleGovernor: String?
  /// The states of CPU 0.
  var idleStates: [IdleState]?

  /// The names in the JSON file.
  enum CodingKeys: String, CodingKey {
    case vendor
    case family
    case model
    case stepping
    case microcode
    case isVirtual = "virtual"
    case frequencyDriver = "frequency_driver"
    case governors
    case energyPreferences = "energy_preferences"
    case lowestKHz = "lowest_khz"
    case highestKHz = "highest_khz"
    case isTurboEnabled = "turbo"
    case smtControl = "smt_control"
    case idleDriver = "idle_driver"
    case idleGovernor = "idle_governor"
    case idleStates = "idle_states"
  }
}

extension ProcessorDescription {
  private static let folder = "sys/devices/system/cpu"

  /// Reads /proc/cpuinfo and `devices/system/cpu` of sysfs.
  init(_ files: KernelFiles) {
    let lines = files.lines("proc/cpuinfo")
    func first(_ key: String) -> String? { lines.lazy.compactMap { $0.value(ofKey: key) }.first }
    vendor = first("vendor_id")
    family = first("cpu family").flatMap { Int($0) }
    model = first("model").flatMap { Int($0) }
    stepping = first("stepping").flatMap { Int($0) }
    microcode = first("microcode")
    isVirtual = (first("flags") ?? "").split(separator: " ").contains("hypervisor")
    let first = "\(Self.folder)/cpu0/cpufreq"
    frequencyDriver = files.word("\(first)/scaling_driver")
    governors = Self.distinct("cpufreq/scaling_governor", files)
    energyPreferences = Self.distinct("cpufreq/energy_performance_preference", files)
    lowestKHz = files.number("\(first)/scaling_min_freq")
    highestKHz = files.number("\(first)/scaling_max_freq")
    isTurboEnabled = Self.turbo(files)
    smtControl = files.word("\(Self.folder)/smt/control")
    // "none" is the kernel's word where nothing drives the idle states.
    idleDriver = files.word("\(Self.folder)/cpuidle/current_driver")
    idleGovernor =
      files.word("\(Self.folder)/cpuidle/current_governor")
      ?? files.word("\(Self.folder)/cpuidle/current_governor_ro")
    idleStates = Self.idleStates(files)
  }

  /// The values that an attribute has over all CPUs, sorted; nil if none has it.
  private static func distinct(_ attribute: String, _ files: KernelFiles) -> [String]? {
    let cpus = files.entries(folder).filter { $0.hasPrefix("cpu") && Int($0.dropFirst(3)) != nil }
    let values = Set(cpus.compactMap { files.word("\(folder)/\($0)/\(attribute)") })
    return values.isEmpty ? nil : values.sorted()
  }

  private static func turbo(_ files: KernelFiles) -> Bool? {
    if let off = files.word("\(folder)/intel_pstate/no_turbo") { return off == "0" }
    return files.word("\(folder)/cpufreq/boost").map { $0 == "1" }
  }

  private static func idleStates(_ files: KernelFiles) -> [IdleState]? {
    let folder = "\(folder)/cpu0/cpuidle"
    let states = files.entries(folder).compactMap { entry -> IdleState? in
      guard let name = files.word("\(folder)/\(entry)/name"),
        let latency: Int = files.number("\(folder)/\(entry)/latency")
      else { return nil }
      return IdleState(
        name: name, exitLatencyMicroseconds: latency,
        isDisabled: files.text("\(folder)/\(entry)/disable") == "1")
    }
    return states.isEmpty ? nil : states
  }
}

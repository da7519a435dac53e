import Testing

@testable import Bench

/// CPUs: how many, which, and how fast. A change of a sound host makes each check fire.
struct DoctorProcessorTests {
  @Test(
    "CPUs that are too few for the busy threads spoil results, and one for each is just enough",
    arguments: [("0-7", Finding.Severity.ok), ("0-2", .ok), ("0-1", .note), ("0", .spoils)])
  func count(allowed: String, severity: Finding.Severity) throws {
    #expect(try DoctorFixture.environment(allowed: allowed).finding(.cpuCount)?.severity == severity)
  }

  @Test("threads that are to share a CPU spoil results however many CPUs there are")
  func sharedCPU() throws {
    var environment = try DoctorFixture.environment()
    environment.configuration.ioThreadCPUs = [1]
    environment.configuration.vcpuCPUs = [1]
    try environment.replan()
    #expect(environment.finding(.cpuCount)?.severity == .spoils)
  }

  @Test("an I/O thread and a vCPU on one core spoil results, and the remedy names cores that are free")
  func siblings() throws {
    var environment = try DoctorFixture.environment("one-node-smt")
    environment.configuration.ioThreadCPUs = [0]
    environment.configuration.vcpuCPUs = [4]
    try environment.replan()
    let finding = try #require(environment.finding(.siblings))
    #expect(finding.severity == .spoils)
    #expect(finding.remedy?.hasPrefix("--io-thread-cpus 0 --vcpu-cpus 1-3") == true)
  }

  @Test("where one core is all there is, the remedy is another machine")
  func oneCore() throws {
    let finding = try #require(try DoctorFixture.environment("one-core-smt").finding(.siblings))
    #expect(finding.severity == .spoils)
    #expect(finding.remedy?.contains("2 cores or more") == true)
  }

  @Test("cores with one thread have no siblings to speak of")
  func noSiblings() throws {
    #expect(try DoctorFixture.environment("one-node-two-cores").finding(.siblings) == nil)
  }

  @Test("without isolated CPUs the planned ones are proposed")
  func isolation() throws {
    var environment = try DoctorFixture.environment()
    environment.host.kernelSettings?.isolatedCPUs = nil
    let finding = try #require(environment.finding(.isolation))
    #expect(finding.severity == .note)
    #expect(finding.remedy?.contains("isolcpus=0-1 nohz_full=0-1") == true)
  }

  @Test(
    "any governor but performance spoils results, and one CPU with another is enough",
    arguments: [["powersave"], ["schedutil"], ["performance", "powersave"]])
  func governor(_ governors: [String]) throws {
    var environment = try DoctorFixture.environment()
    environment.host.processor?.governors = governors
    let finding = try #require(environment.finding(.governor))
    #expect(finding.severity == .spoils)
    #expect(finding.remedy == "cpupower frequency-set -g performance")
  }

  @Test("a host without frequencies to choose has no governor and no turbo to speak of")
  func noFrequencies() throws {
    var environment = try DoctorFixture.environment()
    environment.host.processor?.governors = nil
    environment.host.processor?.isTurboEnabled = nil
    environment.host.processor?.idleStates = nil
    #expect(environment.finding(.governor) == nil)
    #expect(environment.finding(.turbo) == nil)
    #expect(environment.finding(.idleStates) == nil)
  }

  @Test(
    "turbo is noted, and the command is that of the driver",
    arguments: [("intel_pstate", "intel_pstate/no_turbo"), ("acpi-cpufreq", "cpufreq/boost")])
  func turbo(driver: String, file: String) throws {
    var environment = try DoctorFixture.environment()
    environment.host.processor?.isTurboEnabled = true
    environment.host.processor?.frequencyDriver = driver
    let finding = try #require(environment.finding(.turbo))
    #expect(finding.severity == .note)
    #expect(finding.remedy?.hasSuffix(file) == true)
  }

  @Test("the deepest idle state that is not off decides")
  func idleStates() throws {
    var environment = try DoctorFixture.environment()
    environment.host.processor?.idleStates = [DoctorFixture.deepState(isDisabled: false)]
    #expect(environment.finding(.idleStates)?.severity == .spoils)
    environment.host.processor?.idleStates = [
      .init(name: "C1E", exitLatencyMicroseconds: 10, isDisabled: false),
      DoctorFixture.deepState(isDisabled: true),
    ]
    #expect(environment.finding(.idleStates)?.severity == .note)
    environment.host.processor?.idleStates = [DoctorFixture.deepState(isDisabled: true)]
    #expect(environment.finding(.idleStates)?.severity == .ok)
  }

  @Test(
    "a clock source that is not made of the TSC spoils results",
    arguments: [("hpet", Finding.Severity.spoils), ("acpi_pm", .spoils), ("kvm-clock", .note), ("tsc", .ok)])
  func clockSource(_ name: String, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.clockSource = name
    let finding = try #require(environment.finding(.clockSource))
    #expect(finding.severity == severity)
    #expect(name == "tsc" || finding.remedy?.hasPrefix("echo tsc > ") == true)
  }

  @Test("a TSC that the kernel gave up is not offered again")
  func lostClock() throws {
    var environment = try DoctorFixture.environment()
    environment.host.clockSource = "hpet"
    environment.host.kernelSettings?.clockSources = ["hpet"]
    #expect(environment.finding(.clockSource)?.remedy?.contains("dmesg") == true)
  }

  @Test("the note names mitigations that act on vmexits, and no others")
  func mitigations() throws {
    var environment = try DoctorFixture.environment()
    environment.host.mitigations = [
      "spectre_v1": "Mitigation: usercopy/swapgs barriers", "retbleed": "Mitigation: IBRS",
      "itlb_multihit": "KVM: Mitigation: Split huge pages", "mds": "Not affected",
    ]
    let finding = try #require(environment.finding(.mitigations))
    #expect(finding.severity == .note)
    #expect(finding.found.hasSuffix("for itlb_multihit, retbleed"))
    environment.host.mitigations = ["spectre_v1": "Mitigation: usercopy/swapgs barriers"]
    #expect(environment.finding(.mitigations)?.severity == .ok)
  }

  @Test("a daemon that moves interrupts is noted")
  func interruptBalancing() throws {
    var environment = try DoctorFixture.environment()
    environment.activity.balancesInterrupts = true
    let finding = try #require(environment.finding(.interruptBalancing))
    #expect(finding.severity == .note)
    #expect(finding.remedy == "systemctl stop irqbalance")
  }
}

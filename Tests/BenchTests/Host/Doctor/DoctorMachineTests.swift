import Testing

@testable import Bench

/// KVM, what is below the host, and what else it does. A change of a sound host makes each check fire.
struct DoctorMachineTests {
  @Test("on a sound host every check says that all is well, and none offers a remedy")
  func soundHost() throws {
    let findings = Doctor(environment: try DoctorFixture.environment()).findings
    #expect(findings.filter { $0.severity != .ok } == [])
    #expect(findings.allSatisfy { $0.remedy == nil })
    // What exists only on virtual machines and on hosts of several nodes is not mentioned.
    let missing = Set(DoctorCheck.allCases).subtracting(findings.map(\.check))
    #expect(missing == [.steal, .numaBalancing, .storageNode, .hugePages])
  }

  @Test("a host without any settings is judged by the rest, and nothing traps")
  func silentHost() throws {
    var environment = try DoctorFixture.environment()
    let folder = try TemporaryFolder()
    environment.host = .capture(root: folder.path)
    environment.topology = nil
    environment.placement = nil
    environment.activity.recentTicks = nil
    let spoiling = Doctor(environment: environment).findings.filter { $0.severity == .spoils }
    #expect(spoiling.map(\.check) == [.kvmBackend, .cpuCount, .clockSource])
  }

  @Test(
    "a missing or forbidden /dev/kvm has the severity spoils",
    arguments: [KVMDeviceAccess.missing, .forbidden])
  func device(_ access: KVMDeviceAccess) throws {
    var environment = try DoctorFixture.environment()
    environment.kvmDevice = access
    let finding = try #require(environment.finding(.kvmDevice))
    #expect(finding.severity == .spoils)
    #expect(
      finding.remedy?.hasPrefix(access == .missing ? "modprobe kvm_intel" : "sudo usermod -aG kvm") == true)
  }

  @Test(
    "hardware virtualization of one's own is well; emulated, nested and software KVM spoil times",
    arguments: [
      (KVMBackend.vmx, false, Finding.Severity.ok), (.svm, false, .ok), (.vmx, true, .spoils),
      (.svm, true, .spoils), (.pvm, true, .spoils), (.tcg, true, .spoils), (.none, false, .spoils),
    ])
  func backend(_ backend: KVMBackend, isVirtual: Bool, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.kvmBackend = backend
    environment.host.processor?.isVirtual = isVirtual
    #expect(environment.finding(.kvmBackend)?.severity == severity)
  }

  @Test("that the host is itself a virtual machine is noted, with its maker")
  func virtualHost() throws {
    var environment = try DoctorFixture.environment()
    environment.host.processor?.isVirtual = true
    environment.host.virtualMachine = VirtualMachineDescription(vendor: "QEMU", product: "q35")
    let finding = try #require(environment.finding(.virtualHost))
    #expect(finding.severity == .note)
    #expect(finding.found.contains("QEMU, q35"))
  }

  @Test(
    "stolen time spoils from a hundredth on, whether it was just now or long ago",
    arguments: [
      (0.0, UInt64(0), Finding.Severity.ok), (0.002, 0, .note), (0.02, 0, .spoils), (0, 5, .spoils),
    ])
  func steal(sinceBoot: Double, recent: UInt64, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.processor?.isVirtual = true
    environment.host.virtualMachine = VirtualMachineDescription(stealShare: sinceBoot)
    environment.activity.recentTicks = CPUTicks(busy: 0, idle: 95, steal: recent)
    #expect(environment.finding(.steal)?.severity == severity)
  }

  @Test(
    "a load spoils, by its average or as it is just now",
    arguments: [
      (0.1, UInt64(2), Finding.Severity.ok), (0.5, 2, .note), (1.5, 2, .spoils), (0.1, 30, .spoils),
    ])
  func load(average: Double, busy: UInt64, severity: Finding.Severity) throws {
    var environment = try DoctorFixture.environment()
    environment.host.loadAverage = [average, 0, 0]
    environment.activity.recentTicks = CPUTicks(busy: busy, idle: 100 - busy, steal: 0)
    #expect(environment.finding(.load)?.severity == severity)
  }

  @Test("virtual machines of others spoil results, and are named")
  func machines() throws {
    var environment = try DoctorFixture.environment()
    environment.activity.machines = [
      .init(process: 7, name: "qemu-system-x86"), .init(process: 8, name: "crosvm"),
    ]
    let finding = try #require(environment.finding(.machines))
    #expect(finding.severity == .spoils)
    #expect(finding.found.contains("qemu-system-x86 (7), crosvm (8)"))
    #expect(finding.remedy?.hasSuffix("kill -STOP 7 8") == true)
  }
}

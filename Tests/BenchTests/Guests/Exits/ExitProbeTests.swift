import Foundation
import SystemPackage
import Testing

@testable import Bench

/// What is counted, by which tracepoint and filter; and what is said where nothing can be counted.
struct ExitProbeTests {
  private static func filters(_ platform: ExitPlatform, _ counter: ExitCounter) -> [String] {
    ExitProbe.all(on: platform).filter { $0.counter == counter }.map {
      [$0.tracepoint.rawValue, $0.filter].compactMap(\.self).joined(separator: ": ")
    }
  }

  @Test("reasons are those of the processor's vendor")
  func reasons() {
    #expect(Self.filters(.svm, .halt) == ["kvm_exit: exit_reason == 0x78 || exit_reason == 0xa6"])
    #expect(Self.filters(.vmx, .halt) == ["kvm_exit: exit_reason == 12"])
    #expect(Self.filters(.svm, .interruptWindow) == ["kvm_exit: exit_reason == 0x64"])
    #expect(
      Self.filters(.vmx, .memory) == ["kvm_exit: exit_reason == 44 || exit_reason == 48 || exit_reason == 49"]
    )
    #expect(Self.filters(.vmx, .exit) == ["kvm_exit"])
    #expect(Self.filters(.svm, .preemptionTimer) == [])
    #expect(
      Self.filters(.svm, .exception) == [
        "kvm_exit: exit_reason >= 0x40 && exit_reason <= 0x5f && exit_reason != 0x4e"
      ])
    #expect(Self.filters(.software, .exception) == ["kvm_inj_exception"])
  }

  @Test("where kvm_exit does not fire, other tracepoints are counted", arguments: ExitCounter.allCases)
  func software(counter: ExitCounter) {
    #expect(Self.filters(.software, counter).allSatisfy { !$0.hasPrefix("kvm_exit") })
  }

  @Test("each platform has a filter for each register", arguments: [ExitPlatform.vmx, .svm, .software])
  func registers(platform: ExitPlatform) {
    #expect(Self.filters(platform, .eoiRegister) == ["kvm_msr: write == 1 && ecx == 0x80b"])
    #expect(
      Self.filters(platform, .timerRegister) == ["kvm_msr: write == 1 && (ecx == 0x6e0 || ecx == 0x838)"])
    #expect(
      Self.filters(platform, .deviceWrite) == [
        "kvm_mmio: type == 2 && (gpa < 0xfec00000 || gpa >= 0xfef00000)"
      ])
    #expect(Self.filters(platform, .userAccess) == ["kvm_userspace_exit: reason == 6 && errno == 0"])
  }

  @Test(
    "each counter is counted once, and a group can be read", arguments: [ExitPlatform.vmx, .svm, .software])
  func distinct(platform: ExitPlatform) {
    let counters = ExitProbe.all(on: platform).map(\.counter)
    #expect(Set(counters).count == counters.count)
    #expect(counters.count < 32)
  }

  /// A host's files: a module of KVM, tracefs where it is mounted, and its tracepoints.
  private static func obstacle(
    module: String? = "kvm_amd", mounts: String = "tracefs /sys/kernel/tracing tracefs rw 0 0\n",
    tracepoints: [String] = ExitProbe.Tracepoint.allCases.map(\.rawValue)
  ) throws -> ExitTracingObstacle? {
    let folder = try TemporaryFolder()
    func write(_ text: String, _ path: String) throws {
      let url = URL(filePath: folder.file(path))
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    if let module { try write("", "sys/module/\(module)/refcnt") }
    try write("sysfs /sys sysfs rw 0 0\n\(mounts)", "proc/self/mounts")
    for (index, name) in tracepoints.enumerated() {
      try write("\(index + 100)\n", "sys/kernel/tracing/events/kvm/\(name)/id")
    }
    do throws(ExitTracingObstacle) {
      _ = try ExitTracing(found: KernelFiles(root: folder.path))
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "the tracepoints are found where tracefs is mounted, whatever the module",
    arguments: ["kvm_amd", "kvm_intel", "kvm_pvm"])
  func found(module: String) throws {
    #expect(try Self.obstacle(module: module) == nil)
  }

  @Test("each missing part has an error of its own")
  func obstacles() throws {
    #expect(try Self.obstacle(module: nil) == .noModule)
    #expect(try Self.obstacle(mounts: "") == .noTracefs)
    #expect(try Self.obstacle(tracepoints: []) == .unreadable(folder: "/sys/kernel/tracing"))
    #expect(
      try Self.obstacle(tracepoints: ["kvm_mmio", "kvm_msr"]).map { "\($0)".contains("kvm:kvm_") } == true)
  }

  @Test("each obstacle says what to do")
  func remedies() {
    #expect("\(ExitTracingObstacle.noTracefs)".contains("mount -t tracefs nodev /sys/kernel/tracing"))
    let forbidden = "\(ExitTracingObstacle.forbidden(paranoid: 2))"
    #expect(
      forbidden.contains("CAP_PERFMON")
        && forbidden.contains("kernel.perf_event_paranoid to 1 or less (it is 2)"))
    #expect(
      "\(ExitTracingObstacle.unreadable(folder: "/t"))".contains("mount -o remount,mode=0750,gid=GROUP /t"))
    #expect("\(ExitTracingObstacle.failed(.tooManyOpenFiles))".contains("ulimit -n"))
    #expect("\(ExitTracingObstacle.failed(.noSuchProcess))".contains("perf_event_open"))
  }
}

import Foundation
import Testing

@testable import Bench

struct HostDifferencesTests {
  private static func host(_ name: String) throws -> HostDescription {
    let tree = try RecordedTree(name, extension: "tree", folder: "Hosts")
    // The copy goes away with the object.
    return withExtendedLifetime(tree) { HostDescription.capture(root: tree.root) }
  }

  private static func differences(_ a: HostDescription, _ b: HostDescription) throws -> HostDifferences {
    try HostDifferences(titleA: "left", hostA: a, titleB: "right", hostB: b)
  }

  @Test func `a server and a virtual machine differ in what executes guest code first, and in the load last`()
    throws
  {
    let result = try Self.differences(Self.host("server-nvme"), Self.host("virtual-pvm"))
    #expect(result.differences.first?.key == "kvm_backend")
    #expect(result.differences.map(\.rank) == result.differences.map(\.rank).sorted())
    let ranks = Dictionary(uniqueKeysWithValues: result.differences.map { ($0.key, $0.rank) })
    func rank(_ key: String) throws -> Int { try #require(ranks[key], "\(key)") }
    #expect(try rank("processor.virtual") < rank("cpu_model"))
    #expect(try rank("cpu_model") < rank("processor.governors[0]"))
    #expect(try rank("processor.governors[0]") < rank("kernel"))
    #expect(try rank("kernel") < rank("processor.microcode"))
    let text = try result.text(.table)
    #expect(text.contains("frequency: a governor that saves energy"))
    #expect(text.contains("  processor.governors[0]\n    A: performance\n    B: not recorded\n"))
    #expect(text.hasSuffix("recorded values differ, \(result.agreeingCount) agree\n"))
    #expect(
      try result.text(.markdown).contains(
        "| frequency | processor.governors[0] | performance | not recorded |"))
    let decoded = try JSONDecoder().decode(HostDifferences.self, from: Data(result.text(.json).utf8))
    #expect(decoded == result)
  }

  @Test func `every key of a recorded host but a few settings has a group of its own`() throws {
    let keys = try ["server-nvme", "virtual-pvm"].flatMap { try HostTable.flat(Self.host($0)).map(\.0) }
    let rest = Set(keys.filter { HostFactGroup.group(of: $0).rank == HostFactGroup.all.count })
    #expect(
      rest.isSubset(of: [
        "kernel_settings.aio_max_nr", "kernel_settings.aio_nr", "kernel_settings.io_uring_disabled",
        "kernel_settings.nmi_watchdog", "kernel_settings.swappiness",
      ]), "\(rest)")
    #expect(HostFactGroup.group(of: "kernel").group.title == "kernel")
    #expect(HostFactGroup.group(of: "kernel_settings.swap_bytes").group.title == "memory")
    #expect(HostFactGroup.group(of: "something_new").group.title == "other settings")
  }

  @Test func `a host does not differ from itself`() throws {
    let host = try Self.host("server-nvme")
    let result = try Self.differences(host, host)
    #expect(result.differences.isEmpty)
    #expect(try result.text(.table).hasSuffix("no difference in \(result.agreeingCount) recorded values\n"))
    #expect(result.agreeingCount > 50)
  }

  @Test func `records, the doctor's output and folders of runs are read, and other files are named`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.file("run/boots"), withIntermediateDirectories: true)
    let host = try Self.host("virtual-pvm")
    let record = try JSONEncoder().encode(["host": host])
    for name in ["run/boots/00001.json", "record.json"] {
      try record.write(to: URL(filePath: folder.file(name)))
    }
    try Data("{}".utf8).write(to: URL(filePath: folder.file("run/plan.json")))
    #expect(try HostDifferences.host(at: folder.file("run")) == host)
    #expect(try HostDifferences.host(at: folder.file("record.json")) == host)
    try Data("host".utf8).write(to: URL(filePath: folder.file("bad.json")))
    try FileManager.default.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: true)
    for (name, code) in [
      ("bad.json", BenchFailure.Code.dataError), ("missing", .noInput), ("empty", .noInput),
      ("run/plan.json", .dataError),
    ] as [(String, BenchFailure.Code)] {
      let failure = #expect(throws: BenchFailure.self) { try HostDifferences.host(at: folder.file(name)) }
      #expect(failure?.exitCode == code)
      #expect(failure?.description.contains(folder.file(name)) == true)
    }
    try Data("{\"host\": {\"cpu_model\": 3}}".utf8).write(to: URL(filePath: folder.file("damaged.json")))
    for (name, words) in [
      ("bad.json", "is not JSON"), ("damaged.json", "the description of the host is damaged: host"),
    ] {
      let failure = #expect(throws: BenchFailure.self) { try HostDifferences.host(at: folder.file(name)) }
      #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
    }
  }
}

import ArgumentParser
import Foundation
import HostSystem
import Testing

@testable import Bench

struct RunBundleTests {
  private static let settings = BundleSettings(
    benchVersion: ProjectVersion.text, metrics: [.iops], isTrustedOnly: false, calibrations: [])

  private func make(_ run: String, _ archive: String) throws {
    _ = try RunBundle.make(of: run, settings: Self.settings, license: nil, archive: archive) { runs, root in
      try RunReport(runs: runs, figures: FigureSet(runs), drawn: [:], root: root).html()
    }
  }

  /// A folder of a comparison with the rows of both sides.
  private func comparison(_ path: String) throws {
    let plan = try ExperimentTests.plan(sides: ["a", "b"], repetitions: 8)
    let folder = try ExperimentFolder(creating: path, plan: plan)
    let rates = BootRows.rates(64, level: 1000, noise: 0.01, seed: 1)
    for boot in plan.boots {
      var row = RunFixture.record
      row.runID = "run-\(boot.index)"
      row.mode = boot.cell == 0 ? .vext : .virtioBlock
      row.guests = 1
      (row.workers, row.iodepth, row.runtimeSeconds) = (1, 1, 1)
      row.seed = RunPlan(paths: [DataPath(row.mode)], repetitionCount: 1, seed: boot.seed).cells[0].seed
      row.iops = rates[boot.index] * (boot.side == 1 ? 0.8 : 1)
      try CSVWriter(path: folder.outputPath(of: boot)).write(row)
      var document = FigureFixture.document([row])
      document.runID = row.runID
      try document.write(to: folder.outputPath(of: boot).dropLast(4) + ".json")
      try folder.finish(boot)
    }
  }

  /// Unpacks the archive, changes it, and packs it again.
  private func changed(
    _ archive: String, in folder: borrowing TemporaryFolder, _ change: (String) throws -> Void
  )
    throws -> String
  {
    let place = folder.file("changed-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let root = try TarArchive.unpack(archive, into: place)
    try change("\(place)/\(root)")
    try TarArchive.pack(root, of: place, to: "\(place).tar")
    return "\(place).tar"
  }

  private func rewriteSums(_ folder: String) throws {
    try Data(ChecksumFile.text(of: folder).utf8).write(to: URL(filePath: "\(folder)/\(ChecksumFile.name)"))
  }

  @Test("a bundle of a comparison verifies, is the same each time, and names no folder of this host")
  func verifies() throws {
    let folder = try TemporaryFolder()
    try comparison(folder.file("run"))
    try make(folder.file("run"), folder.file("one.tar"))
    #expect(try RunBundle.verify(folder.file("one.tar")) >= 4)
    try FileManager.default.createDirectory(atPath: folder.file("again"), withIntermediateDirectories: true)
    try make(folder.file("run"), folder.file("again/one.tar"))
    let first = try Data(contentsOf: URL(filePath: folder.file("one.tar")))
    #expect(try first == Data(contentsOf: URL(filePath: folder.file("again/one.tar"))))
    let place = folder.file("unpacked")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let root = try TarArchive.unpack(folder.file("one.tar"), into: place)
    for name in try BundleDerivation.names(below: "\(place)/\(root)") where !name.hasPrefix("records/") {
      let text = try String(contentsOfFile: "\(place)/\(root)/\(name)", encoding: .utf8)
      #expect(!text.contains(folder.path) && !text.contains("bench-bundle-"), "\(name)")
    }
    let verdicts = try String(contentsOfFile: "\(place)/\(root)/derived/verdicts.md", encoding: .utf8)
    #expect(verdicts.contains("2 regressed"))
  }

  @Test("the metadata are an RO-Crate of all files")
  func metadata() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.boots(.vext, iops: [1, 2]), to: folder.path)
    try make(folder.path, folder.file("one.tar"))
    let place = folder.file("unpacked")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let root = try TarArchive.unpack(folder.file("one.tar"), into: place)
    let data = try Data(contentsOf: URL(filePath: "\(place)/\(root)/ro-crate-metadata.json"))
    let crate = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(crate["@context"] as? String == "https://w3id.org/ro/crate/1.1/context")
    let graph = try #require(crate["@graph"] as? [[String: Any]])
    let names = Set(graph.compactMap { $0["@type"] as? String == "File" ? $0["@id"] as? String : nil })
    let files = Set(try BundleDerivation.names(below: "\(place)/\(root)"))
    #expect(files.subtracting(names) == ["ro-crate-metadata.json", "SHA256SUMS"])
    #expect(
      names.isSuperset(of: ["records/rows.csv", "records/rows.json", "report.html", "derived/host.md"]))
    #expect(graph.contains { $0["@id"] as? String == "./" && $0["datePublished"] != nil })
  }

  @Test("a changed row, a changed table, a missing file and one too many are named in one line")
  func differences() throws {
    let folder = try TemporaryFolder()
    try comparison(folder.file("run"))
    try make(folder.file("run"), folder.file("one.tar"))
    func message(_ change: (String) throws -> Void) throws -> String {
      let archive = try changed(folder.file("one.tar"), in: folder, change)
      let failure = #expect(throws: BenchFailure.self) { _ = try RunBundle.verify(archive) }
      #expect(failure?.exitCode == .dataError)
      let text = failure?.description ?? ""
      #expect(!text.contains("\n"))
      return text
    }
    func replace(_ path: String, _ old: String, _ new: String) throws {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.contains(old))
      try Data(text.replacing(old, with: new).utf8).write(to: URL(filePath: path))
    }
    #expect(
      try message { try replace("\($0)/records/a.csv", "run-1", "run-x") }.contains(
        "records/a.csv was changed"))
    #expect(
      try message { root in
        try replace("\(root)/derived/verdicts.md", "2 regressed", "2 improved")
        try rewriteSums(root)
      }.contains("derived/verdicts.md:"))
    #expect(
      try message { try FileManager.default.removeItem(atPath: "\($0)/report.html") }.contains(
        "report.html is missing"))
    #expect(
      try message { try Data().write(to: URL(filePath: "\($0)/derived/more.dat")) }.contains(
        "derived/more.dat is in no list of sums"))
    #expect(
      try message { root in
        try Data().write(to: URL(filePath: "\(root)/derived/more.dat"))
        try rewriteSums(root)
      }.contains("more.dat follows from no record"))
    #expect(
      try message { try FileManager.default.removeItem(atPath: "\($0)/SHA256SUMS") }.contains(
        "is not a bundle"))
  }

  @Test("records that contradict each other are named, though all sums are right")
  func contradictions() throws {
    let folder = try TemporaryFolder()
    try comparison(folder.file("run"))
    try make(folder.file("run"), folder.file("one.tar"))
    /// Sets `column` of the first row of the file.
    func set(_ path: String, _ column: String, _ value: String) throws {
      let file = try RowFile(path: path)
      let place = try #require(file.header.firstIndex(of: column))
      var lines = try String(contentsOfFile: path, encoding: .utf8).split(
        separator: "\n", omittingEmptySubsequences: false
      ).map(String.init)
      var fields = try file.table.fields(ofRow: 0)
      fields[place] = value
      lines[1] = fields.map(CSVSchema.quoted).joined(separator: ",")
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
    }
    func message(_ change: (String) throws -> Void) throws -> String {
      let archive = try changed(folder.file("one.tar"), in: folder) { root in
        try change("\(root)/records")
        try rewriteSums(root)
      }
      let failure = #expect(throws: BenchFailure.self) { _ = try RunBundle.verify(archive) }
      #expect(failure?.exitCode == .dataError)
      return failure?.description ?? ""
    }
    let boot = try message { try set("\($0)/boots/00001.csv", "iops", "5.000") }
    #expect(
      boot.contains(".csv:2: iops is") && boot.hasSuffix("and boots/00001.csv:2 has '5.000'"), "\(boot)")
    #expect(
      try message { try set("\($0)/a.csv", "latency_max_us", "5.000") }.contains(
        "a.csv:2: latency_max_us is '5.000'"))
    #expect(
      try message { try set("\($0)/b.csv", "started_at", "2030") }.contains("b.csv:2: started_at is '2030'"))
    #expect(try message { try set("\($0)/b.csv", "repetition", "7") }.contains("b.csv has no row of boots/"))
    let plan = try message { records in
      let path = "\(records)/plan.json"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try Data(text.replacing("\"virtio-blk\"", with: "\"virtio-blk-poll\"").utf8).write(
        to: URL(filePath: path))
    }
    #expect(plan.contains("mode is 'virtio-blk', and plan.json boots it with virtio-blk-poll"), "\(plan)")
    #expect(
      try message { try FileManager.default.removeItem(atPath: "\($0)/boots/00002.csv") }.contains(
        "is a row of no boot"))
    #expect(
      try message { records in
        try FileManager.default.copyItem(
          atPath: "\(records)/boots/00001.csv", toPath: "\(records)/boots/00099.csv")
      }.contains("boots/00099.csv is of no boot of plan.json"))
    // The row and its boot agree, and the JSON record does not.
    let record = try message { records in
      let file = try RowFile(path: "\(records)/boots/00001.csv")
      let side =
        file.rows[0].text(\.runID) == (try RowFile(path: "\(records)/a.csv").rows[0].text(\.runID))
        ? "a" : "b"
      for name in ["boots/00001.csv", "\(side).csv"] {
        try set("\(records)/\(name)", "bandwidth_mib_s", "5.000")
      }
    }
    #expect(record.contains("bandwidth_mib_s is '5.000', and the JSON record has"), "\(record)")
  }

  @Test("a run whose records contradict each other is not packed")
  func contradictoryRun() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.boots(.vext, iops: [1, 2]), to: folder.path)
    let path = folder.file("rows.csv")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let changed = text.replacing("Imaginary", with: "Real")
    try #require(changed != text)
    try Data(changed.utf8).write(to: URL(filePath: path))
    let failure = #expect(throws: BenchFailure.self) { try make(folder.path, folder.file("one.tar")) }
    #expect(failure?.description.contains("contradict each other: rows.csv:2: host_cpu is") == true)
  }

  @Test("archives with links, paths that leave the folder, twice the same file or huge files are refused")
  func hostile() throws {
    let folder = try TemporaryFolder()
    let end = [UInt8](repeating: 0, count: 1024)
    func refusal(_ bytes: [UInt8]) throws -> String {
      let path = folder.file("hostile.tar")
      try Data(bytes).write(to: URL(filePath: path))
      let failure = #expect(throws: BenchFailure.self) { _ = try RunBundle.verify(path) }
      #expect(failure?.exitCode == .dataError)
      return failure?.description ?? ""
    }
    let header = TarHeaderTests.block
    #expect(try refusal(header("../x", "0", "00000000000", "") { _ in } + end).contains("not plain"))
    #expect(try refusal(header("run/x", "2", "00000000000", "") { _ in } + end).contains("neither a file"))
    let twice = header("run/x", "0", "00000000000", "") { _ in }
    #expect(try refusal(twice + twice + end).contains("twice"))
    #expect(try refusal(header("run/x", "0", "77777777777", "") { _ in } + end).contains("limit"))
    #expect(try refusal(header("run/x", "0", "00000010000", "") { _ in } + end).contains("cut off"))
    #expect(try refusal(twice).contains("no end"))
    #expect(
      try refusal(twice + header("other/x", "0", "00000000000", "") { _ in } + end).contains("one folder"))
    #expect(try refusal(Array("no archive".utf8)).contains("cut off"))
    #expect(try refusal(twice + end).contains("is not a bundle"))
    #expect(throws: BenchFailure.self) { _ = try RunBundle.verify(folder.file("nothing.tar")) }
  }

  @Test("an archive that exists is not overwritten, and a folder without rows is refused")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let empty = #expect(throws: BenchFailure.self) { try make(folder.path, folder.file("one.tar")) }
    #expect(empty?.exitCode == .noInput)
    try FigureFixture.write(FigureFixture.boots(.vext, iops: [1, 2]), to: folder.path)
    try make(folder.path, folder.file("one.tar"))
    let again = #expect(throws: BenchFailure.self) { try make(folder.path, folder.file("one.tar")) }
    #expect(again?.exitCode == .cannotCreate)
    for arguments in [
      [], ["run"], ["run", "--output", "x.tar", "--license", "MIT"], ["--verify", "x", "y"],
    ] {
      #expect(throws: (any Error).self, "\(arguments)") { try BundleCommand.parse(arguments) }
    }
  }
}

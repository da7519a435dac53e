import Foundation
import Testing

@testable import Bench

struct DoctorReportTests {
  @Test("a sound host ends with success, a spoiled one with exit code 3")
  func exitCode() throws {
    var environment = try DoctorFixture.environment()
    #expect(DoctorReport(environment).exitCode == nil)
    environment.host.processor?.isTurboEnabled = true
    #expect(DoctorReport(environment).exitCode == nil)
    environment.host.processor?.governors = ["powersave"]
    #expect(DoctorReport(environment).exitCode?.rawValue == 3)
  }

  @Test(
    "the table begins with findings that spoil results, each with reason and remedy; other checks have a line each"
  )
  func table() throws {
    var environment = try DoctorFixture.environment()
    environment.host.processor?.isTurboEnabled = true
    environment.activity.machines = [.init(process: 7, name: "crosvm")]
    environment.host.processor?.governors = ["powersave"]
    let lines = try DoctorReport(environment).text(.table).split(separator: "\n").map(String.init)
    #expect(lines[1].hasPrefix("SPOILS  machines"))
    #expect(lines[2].contains("why: "))
    #expect(lines[3].contains("fix: "))
    #expect(lines[4].hasPrefix("SPOILS  governor"))
    #expect(lines[7].hasPrefix("note    turbo"))
    #expect(lines[10].hasPrefix("ok      kvm-device"))
    #expect(lines.last == "verdict: results of this host are not to be trusted (2 spoils, 1 note, 22 ok)")
  }

  @Test("JSON holds every finding, the host and the exit code")
  func json() throws {
    var environment = try DoctorFixture.environment()
    environment.kvmDevice = .missing
    let report = DoctorReport(environment)
    let document = try JSONSerialization.jsonObject(with: Data(try report.text(.json).utf8))
    let object = try #require(document as? [String: Any])
    #expect(object["exit_code"] as? Int == 3)
    #expect((object["host"] as? [String: Any])?["cpu_model"] as? String == environment.host.cpuModel)
    let first = try #require((object["findings"] as? [[String: Any]])?.first)
    #expect(first["check"] as? String == "kvm-device")
    #expect(first["severity"] as? String == "spoils")
    #expect((object["findings"] as? [Any])?.count == report.findings.count)
  }

  @Test("Markdown is one table with a line for each finding")
  func markdown() throws {
    let report = DoctorReport(try DoctorFixture.environment())
    let lines = try report.text(.markdown).split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("| ") } == report.findings.count + 2)
  }
}

import Foundation
import HostSystem
import SystemPackage

/// What a guest left in the folder that it shares with the host.
struct GuestReport {
  /// Its marks.
  let marks: GuestMarks
  /// What fio measured.
  let fio: FioOutput
  /// The clocks before the workload, for the guest's own exits; nil if they were not compared.
  let alignmentBefore: ClockAlignment?
  /// The clocks after it, for its window.
  let alignmentAfter: ClockAlignment

  private static let marksByteCountLimit = 1 << 20

  /// Reads it.
  ///
  /// - Throws: ``BenchFailure`` if something is missing or makes no sense.
  init(of guest: LinuxGuest, verifies: Bool) throws {
    marks = try Self.marks(of: guest)
    guard let code = marks.exitCode else { throw guest.failure("fio did not come to its end") }
    let output = try Self.contents(of: GuestScript.File.output, limit: FioOutput.byteCountLimit, guest)
    do throws(FioOutput.Failure) {
      fio = try FioOutput(output, verifies: verifies)
    } catch {
      throw guest.failure("fio ended with code \(code) and its output cannot be used: \(error)")
    }
    // A job that failed is counted among the errors; fio that says no more than that is not.
    guard code == 0 || fio.errors + fio.verifyErrors > 0 else {
      throw guest.failure("fio ended with code \(code)")
    }
    alignmentBefore = ClockAlignment(Self.probes(marks.clocks[.before] ?? [], .before, guest))
    guard let after = ClockAlignment(Self.probes(marks.clocks[.after] ?? [], .after, guest)) else {
      throw guest.failure("its clock was not compared with the host's")
    }
    alignmentAfter = after
  }

  /// What the guest noted until now.
  static func marks(of guest: LinuxGuest) throws -> GuestMarks {
    let data = try contents(of: GuestScript.File.marks, limit: marksByteCountLimit, guest)
    return GuestMarks(String(decoding: data, as: UTF8.self))
  }

  private static func contents(of name: String, limit: Int, _ guest: LinuxGuest) throws -> Data {
    do throws(Errno) {
      return Data(try guest.files.contents(of: name, byteLimit: limit))
    } catch .noSuchFileOrDirectory {
      throw guest.failure("it left no file \(name)")
    } catch .fileTooLarge {
      throw guest.failure("its file \(name) is larger than \(limit) bytes")
    } catch {
      throw guest.failure("its file \(name) cannot be read: \(error)")
    }
  }

  /// The marks with the times of the files that belong to them.
  private static func probes(
    _ clocks: [GuestMarks.ClockMark], _ phase: GuestMarks.Phase, _ guest: LinuxGuest
  ) -> [ClockAlignment.Probe] {
    clocks.compactMap { mark in
      let path = guest.file("\(GuestScript.File.clock).\(phase.rawValue).\(mark.number)")
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      guard let date = attributes?[.modificationDate] as? Date else { return nil }
      return ClockAlignment.Probe(
        before: mark.before, after: mark.after,
        host: UInt64(exactly: (date.timeIntervalSince1970 * 1e9).rounded()) ?? .max)
    }
  }

  /// fio's measured phase by the guest's clock, in nanoseconds: it ends when fio had ended all jobs.
  var measuredPhase: ClosedRange<UInt64> {
    let end = fio.endMilliseconds.multipliedReportingOverflow(by: 1_000_000).partialValue
    let length = UInt64(min(max(0, fio.measuredSeconds), 1e6) * 1e9)
    return end - min(end, length)...end
  }
}

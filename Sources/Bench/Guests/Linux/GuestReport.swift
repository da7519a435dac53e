import Foundation
import HostSystem
import SystemPackage

/// What a guest left in the folder that it shares with the host.
struct GuestReport {
  /// One run of fio.
  struct Phase {
    /// What fio measured.
    let fio: FioOutput
    /// The same for each group of jobs where there are several; otherwise the whole alone.
    let groups: [FioOutput]
    /// The clocks after it, for its window.
    let alignment: ClockAlignment
  }

  /// Its marks.
  let marks: GuestMarks
  /// What fio measured, phase by phase.
  let phases: [Phase]
  /// The clocks before the workload, for the guest's own exits; nil if they were not compared.
  let alignmentBefore: ClockAlignment?

  private static let marksByteCountLimit = 1 << 20

  /// Reads it.
  ///
  /// - Parameters:
  ///   - guest: The guest, which has ended.
  ///   - verifies: Whether bench's own job verifies.
  ///   - job: The user's job file, if there is one.
  /// - Throws: ``BenchFailure`` if something is missing or makes no sense.
  init(of guest: LinuxGuest, verifies: Bool, job: FioJobFile?) throws {
    marks = try Self.marks(of: guest)
    alignmentBefore = ClockAlignment(Self.probes(marks, .before, guest))
    var phases: [Phase] = []
    for index in guest.jobs.indices {
      phases.append(
        try Self.phase(index, of: job?.phases[index], marks: marks, guest: guest, verifies: verifies))
    }
    self.phases = phases
  }

  private static func phase(
    _ index: Int, of phase: FioPhase?, marks: GuestMarks, guest: LinuxGuest, verifies: Bool
  ) throws -> Phase {
    let name = guest.jobs.count > 1 ? "fio in phase \(index + 1)" : "fio"
    guard let code = marks.fioCodes[index] else { throw guest.failure("\(name) did not come to its end") }
    let output = try contents(of: GuestScript.File.output(index), limit: FioOutput.byteCountLimit, guest)
    let (fio, groups): (FioOutput, [FioOutput])
    do throws(FioOutput.Failure) {
      fio = try FioOutput(output, verifies: verifies)
      groups = try fio.groups(of: phase, verifies: verifies)
    } catch {
      throw guest.failure("\(name) ended with code \(code) and its output cannot be used: \(error)")
    }
    // A job that failed is counted among the errors; fio that says no more than that is not.
    guard code == 0 || fio.errors + fio.verifyErrors > 0 else {
      throw guest.failure("\(name) ended with code \(code)")
    }
    guard let alignment = ClockAlignment(probes(marks, .after(index), guest)) else {
      throw guest.failure("its clock was not compared with the host's")
    }
    return Phase(fio: fio, groups: groups, alignment: alignment)
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
    _ marks: GuestMarks, _ moment: GuestMarks.Moment, _ guest: LinuxGuest
  ) -> [ClockAlignment.Probe] {
    (marks.clocks[moment] ?? []).compactMap { mark in
      let name = "\(GuestScript.File.clock).\(moment.word).\(mark.number)"
      // A mark whose file is missing or no file at all compares no clocks.
      guard let host = try? guest.files.modificationNanoseconds(of: name) else { return nil }
      return ClockAlignment.Probe(before: mark.before, after: mark.after, host: host)
    }
  }
}

extension GuestReport.Phase {
  /// fio's measured phase by the guest's clock, in nanoseconds: it ends when fio had ended all jobs.
  var measuredPhase: ClosedRange<UInt64> {
    let end = fio.endMilliseconds.multipliedReportingOverflow(by: 1_000_000).partialValue
    let length = UInt64(min(max(0, fio.measuredSeconds), 1e6) * 1e9)
    return end - min(end, length)...end
  }
}

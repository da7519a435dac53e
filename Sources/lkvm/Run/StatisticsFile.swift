import Glibc
import HostSystem
import SystemPackage

/// The file of `--stats-file`, opened before the guest starts, so that an error shows at once.
struct StatisticsFile: ~Copyable {
  private let path: String
  private let descriptor: OwnedDescriptor

  /// Opens the file for appending, and makes it if it is missing.
  init(path: String) throws(LkvmFailure) {
    do throws(Errno) {
      // Without O_NONBLOCK, a FIFO would wait for somebody who reads.
      descriptor = try OwnedDescriptor.open(
        path, flags: O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, mode: 0o644)
    } catch {
      throw LkvmFailure("--stats-file \(path): \(error)")
    }
    self.path = path
  }

  /// Adds one JSON object in one piece, and closes the file.
  consuming func append(_ statistics: RunStatistics) throws(LkvmFailure) {
    let path = path
    let line = Array(statistics.json.utf8)
    do throws(Errno) {
      let count = try checkErrno(
        unsafe line.withUnsafeBytes { unsafe write(descriptor.rawValue, $0.baseAddress, $0.count) })
      guard count == line.count else { throw .noSpace }
    } catch {
      throw LkvmFailure("--stats-file \(path): \(error)")
    }
  }
}

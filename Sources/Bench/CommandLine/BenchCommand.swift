import ArgumentParser
import Foundation

/// The command `bench`.
@main
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Compares I/O paths between virtual machines and their host.",
    subcommands: [
      RunCommand.self, FloorCommand.self, MatrixCommand.self, CompareCommand.self, CalibrateCommand.self,
      HistoryCommand.self, FiguresCommand.self, ReportCommand.self, DoctorCommand.self,
    ])

  /// Runs the command line. Every failure is one line on standard error that begins with `bench: error:`.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as BenchFailure {
      report(failure.description)
      Self.exit(withError: ExitCode(failure.exitCode.rawValue))
    } catch let code as ExitCode {
      Self.exit(withError: code)
    } catch {
      switch exitCode(for: error) {
      case .success:
        Self.exit(withError: error)
      case .validationFailure:
        report(withoutPrefix(fullMessage(for: error)))
        Self.exit(withError: ExitCode.validationFailure)
      default:
        report(withoutPrefix(message(for: error)))
        Self.exit(withError: ExitCode.failure)
      }
    }
  }

  private static func report(_ message: String) {
    FileHandle.standardError.write(Data("bench: error: \(message)\n".utf8))
  }

  /// ArgumentParser begins a full message with its own prefix.
  private static func withoutPrefix(_ message: String) -> String {
    message.hasPrefix("Error: ") ? String(message.dropFirst("Error: ".count)) : message
  }
}

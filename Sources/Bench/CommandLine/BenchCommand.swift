import ArgumentParser
import Foundation
import HostSystem

/// The command `bench`.
@main
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Compares I/O paths between virtual machines and their host.",
    version: "bench \(ProjectVersion.text)",
    subcommands: [
      RunCommand.self, NeighbourCommand.self, FileSystemCommand.self, RoundTripCommand.self,
      MatrixCommand.self, MergeCommand.self,
      CompareCommand.self,
      CalibrateCommand.self, HistoryCommand.self, QueryCommand.self, ExitsCommand.self, FiguresCommand.self,
      ReportCommand.self, ViewCommand.self,
      DoctorCommand.self,
      DiffHostsCommand.self, BundleCommand.self, DecideCommand.self, GuestProcessCommand.self,
    ])

  /// Runs the command line. Every failure is one line on standard error that begins with `bench: error:`.
  static func main() {
    if CommandLine.arguments.dropFirst().first == "floor" {
      end(BenchFailure("bench floor is now called bench round-trip", exitCode: .usage))
    }
    MessageHandler.install()
    do {
      var command = try parseAsRoot()
      try command.run()
      try StandardOutput.flush()
    } catch let failure as BenchFailure {
      end(failure)
    } catch let code as ExitCode {
      Self.exit(withError: code)
    } catch {
      switch exitCode(for: error) {
      case .success:
        // Help, or the version.
        do {
          try StandardOutput.writeLine(fullMessage(for: error))
        } catch let failure as BenchFailure {
          end(failure)
        } catch {
          Self.exit(withError: error)
        }
      case .validationFailure:
        report(firstLine(fullMessage(for: error)))
        Self.exit(withError: ExitCode.validationFailure)
      default:
        report(firstLine(message(for: error)))
        Self.exit(withError: ExitCode.failure)
      }
    }
  }

  private static func end(_ failure: BenchFailure) -> Never {
    report(failure.description)
    Self.exit(withError: ExitCode(failure.exitCode.rawValue))
  }

  private static func report(_ message: String) {
    StandardError.write(.error, message, from: "bench")
  }

  /// ArgumentParser begins a full message with its own prefix, and lists possible values and the usage below it.
  static func firstLine(_ message: String) -> String {
    let text = message.hasPrefix("Error: ") ? String(message.dropFirst("Error: ".count)) : message
    let lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    guard let first = lines.first else { return message }
    // Possible values, and what the parser suggests, stand on lines of their own before the usage.
    let rest = lines.dropFirst().prefix {
      !$0.hasPrefix("Usage:") && !$0.hasPrefix("Help:") && !$0.hasPrefix("See '")
    }
    return ([first] + rest).joined(separator: " ")
  }
}

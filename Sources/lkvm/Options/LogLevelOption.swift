import ArgumentParser

/// `--loglevel`: the least important messages that are printed.
enum LogLevelOption: String, ExpressibleByArgument, CaseIterable {
  case debug
  case info
  case warning
  case error
}

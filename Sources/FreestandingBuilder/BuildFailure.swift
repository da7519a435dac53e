/// Why the program could not be built.
enum BuildFailure: Error, CustomStringConvertible {
  case usage
  case missingInput(String)
  case toolFailed(String)

  var description: String {
    switch self {
    case .usage:
      "usage: FreestandingBuilder SWIFTC CLANG LINKER OPTIMIZATION TYPE WORK-DIRECTORY OUTPUT INPUT..."
    case .missingInput(let name): "\(name) is not among the inputs"
    case .toolFailed(let tool): "\(tool) failed; its messages are above"
    }
  }
}

/// Text for CI systems. Configurations, titles and notes come from files: none of them may end an element or begin a command.
enum CIText {
  /// `text` as content of an XML element or of a quoted attribute. Characters that XML 1.0 forbids become U+FFFD.
  static func xml(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&apos;"
      // An attribute would make them spaces.
      case "\n", "\r", "\t": result += "&#\(scalar.value);"
      default:
        let isForbidden = scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF
        result.unicodeScalars.append(isForbidden ? "\u{FFFD}" : scalar)
      }
    }
    return result
  }

  /// A workflow command of GitHub Actions: `::error title=...::...`.
  static func githubCommand(_ name: String, title: String, message: String) -> String {
    "::\(name) title=\(github(title, isProperty: true))::\(github(message, isProperty: false))"
  }

  /// A line end would begin a new command, and in a property a comma or a colon the next one.
  private static func github(_ text: String, isProperty: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "%": result += "%25"
      case "\r": result += "%0D"
      case "\n": result += "%0A"
      case ":" where isProperty: result += "%3A"
      case "," where isProperty: result += "%2C"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// Text in a page. Whatever comes from a file or a host goes through here.
enum HTMLText {
  /// `text` as content of an element or of a quoted attribute.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default:
        let isControl = scalar.properties.generalCategory == .control
        result.unicodeScalars.append(isControl && scalar != "\n" && scalar != "\t" ? "\u{FFFD}" : scalar)
      }
    }
    return result
  }

  /// An element with `text` in it.
  static func element(_ name: String, _ text: String) -> String { "<\(name)>\(escaped(text))</\(name)>" }

  /// A list of sentences.
  static func list(_ sentences: [String]) -> String {
    "<ul>\n" + sentences.map { element("li", $0) + "\n" }.joined() + "</ul>\n"
  }
}

extension ReportTable {
  /// The table as an element of a page, with `caption` above it.
  func html(caption: String) -> String {
    func cells(_ texts: [String], _ name: String) -> String {
      zip(headings, texts).map { heading, text in
        "<\(name)\(name == "th" ? " scope=\"col\"" : "")\(heading.isNumber ? " class=\"number\"" : "")>\(HTMLText.escaped(text))</\(name)>"
      }.joined()
    }
    let head = "<thead><tr>\(cells(headings.map(\.title), "th"))</tr></thead>\n"
    let body = lines.map { "<tr>\(cells($0, "td"))</tr>\n" }.joined()
    return
      "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"\(HTMLText.escaped(caption))\"><table>\n\(HTMLText.element("caption", caption))\n\(head)<tbody>\n\(body)</tbody>\n</table></div>\n"
  }
}

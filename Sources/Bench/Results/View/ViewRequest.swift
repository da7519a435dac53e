/// What a browser asks `bench view` for: the head of an HTTP request, taken apart strictly.
///
/// Everybody on the host can connect, and any page that its user's browser shows can make it send requests. So only what such a page
/// cannot make it send is answered: a request whose `Host` is this server, without a body.
struct ViewRequest: Equatable, Sendable {
  /// A head that is longer is refused.
  static let byteLimit = 8192

  /// The path, as it was sent.
  let path: String
  /// Whether only the answer's head is wanted.
  let isHead: Bool

  /// Why a request is not answered.
  enum Refusal: Error, Equatable {
    case malformed(String)
    case foreignHost
    case method
    case unknownPath
    case tooLong
    case tooSlow
    case version

    /// The status line's end, and a sentence for people.
    var status: (line: String, text: String) {
      switch self {
      case .malformed(let reason): ("400 Bad Request", "The request is malformed: \(reason).")
      case .foreignHost:
        (
          "421 Misdirected Request",
          "The request is for another host. Open http://127.0.0.1 with the port that bench view printed."
        )
      case .method: ("405 Method Not Allowed", "Only GET and HEAD are answered.")
      case .unknownPath: ("404 Not Found", "There are the paths / and /live.json.")
      case .tooLong:
        ("431 Request Header Fields Too Large", "The request's head is longer than \(byteLimit) bytes.")
      case .tooSlow: ("408 Request Timeout", "The request did not come in time.")
      case .version: ("505 HTTP Version Not Supported", "HTTP/1.0 and HTTP/1.1 are answered.")
      }
    }
  }

  /// The length of the head at the start of `bytes`, its empty line included; nil if its end has not come yet.
  static func headLength(_ bytes: [UInt8]) -> Int? {
    var lineStart = 0
    var hasText = false
    for (place, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      let line = bytes[lineStart..<place]
      // Empty lines before the first one are passed over (RFC 9112 §2.2).
      if !line.isEmpty, !line.elementsEqual([UInt8(ascii: "\r")]) {
        hasText = true
      } else if hasText {
        return place + 1
      }
      lineStart = place + 1
    }
    return nil
  }
}

extension ViewRequest {
  private static let headerLimit = 64

  /// The request that the whole head `head` makes to the server at `port`.
  init(_ head: some Sequence<UInt8>, port: UInt16) throws(Refusal) {
    let lines = try Self.lines(head)
    guard let first = lines.first else { throw .malformed("it is empty") }
    let words = first.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words.allSatisfy({ !$0.isEmpty }) else {
      throw .malformed("its first line is not a method, a path and a version")
    }
    guard words[2].hasPrefix("HTTP/") else { throw .malformed("it is not HTTP") }
    guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else { throw .version }
    let headers = try Self.headers(lines.dropFirst())
    let hosts = headers.filter { $0.name == "host" }
    guard hosts.count == 1 else { throw .malformed("it has \(hosts.count) Host fields") }
    let names = ["127.0.0.1", "localhost"]
    guard names.contains(where: { hosts[0].value == "\($0):\(port)" || port == 80 && hosts[0].value == $0 })
    else {
      throw .foreignHost
    }
    guard words[0] == "GET" || words[0] == "HEAD" else { throw .method }
    let hasBody = headers.contains { field in
      field.name == "transfer-encoding" || field.name == "content-length" && field.value != "0"
    }
    guard !hasBody else { throw .malformed("it has a body") }
    path = String(words[1])
    isHead = words[0] == "HEAD"
  }

  /// The lines of the head, which consist of printable ASCII characters.
  private static func lines(_ head: some Sequence<UInt8>) throws(Refusal) -> [Substring] {
    var text = ""
    for byte in head {
      guard byte == 9 || byte == 10 || byte == 13 || (32...126).contains(byte) else {
        throw .malformed("it has bytes that are not text")
      }
      text.unicodeScalars.append(Unicode.Scalar(byte))
    }
    // "\r\n" is one character of a Swift string.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.drop {
      $0.isEmpty
    }
    guard !lines.contains(where: { $0.contains("\r") }) else {
      throw .malformed("it has a lone carriage return")
    }
    return Array(lines.prefix { !$0.isEmpty })
  }

  private static func headers(_ lines: ArraySlice<Substring>) throws(Refusal) -> [(
    name: String, value: String
  )] {
    guard lines.count <= headerLimit else { throw .tooLong }
    var headers: [(name: String, value: String)] = []
    for line in lines {
      guard let colon = line.firstIndex(of: ":") else { throw .malformed("a header field has no colon") }
      let name = line[..<colon]
      guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || "!#$%&'*+-.^_`|~".contains($0) })
      else {
        throw .malformed("a header field's name is not a token")
      }
      let value = line[line.index(after: colon)...]
        .drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed()
      headers.append((name.lowercased(), String(value).lowercased()))
    }
    return headers
  }
}

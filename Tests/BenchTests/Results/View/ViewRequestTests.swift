import Testing

@testable import Bench

private let ownHost = "Host: 127.0.0.1:8000\r\n"

/// Requests that browsers send, and those that somebody else does.
struct ViewRequestTests {
  private func parse(_ text: String) -> Result<ViewRequest, ViewRequest.Refusal> {
    do throws(ViewRequest.Refusal) { return .success(try ViewRequest(text.utf8, port: 8000)) } catch {
      return .failure(error)
    }
  }

  @Test("a browser's request is taken apart, with either host name and either line end")
  func sound() {
    #expect(
      parse("GET / HTTP/1.1\r\nHost: localhost:8000\r\nAccept: */*\r\n\r\n")
        == .success(ViewRequest(path: "/", isHead: false)))
    #expect(
      parse("HEAD /live.json HTTP/1.0\nhOST:\t127.0.0.1:8000 \n\n")
        == .success(ViewRequest(path: "/live.json", isHead: true)))
    #expect(
      parse("\r\nGET / HTTP/1.1\r\n\(ownHost)Content-Length: 0\r\n\r\n")
        == .success(ViewRequest(path: "/", isHead: false)))
  }

  @Test(
    "a name that another site's page made this address its own is refused",
    arguments: [
      "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "localhost", "127.0.0.1:8000.evil.example",
      "[::1]:8000", "",
      "127.0.0.1:08000", "0.0.0.0:8000", "127.1:8000", "user@127.0.0.1:8000",
    ])
  func rebinding(host: String) {
    #expect(parse("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == .failure(.foreignHost))
  }

  @Test(
    "methods that change something, or that nobody needs, are refused",
    arguments: ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "PRI"])
  func methods(method: String) {
    #expect(parse("\(method) / HTTP/1.1\r\n\(ownHost)\r\n") == .failure(.method))
  }

  @Test(
    "bytes that are not a request are refused, with the reason",
    arguments: [
      "", "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\(ownHost)\r\n", "GET  / HTTP/1.1\r\n\(ownHost)\r\n",
      "GET / / HTTP/1.1\r\n\(ownHost)\r\n",
      "GET / FTP/1.1\r\n\(ownHost)\r\n", "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\n\(ownHost)\(ownHost)\r\n",
      "GET / HTTP/1.1\r\n\(ownHost) folded\r\n\r\n", "GET / HTTP/1.1\r\n\(ownHost): no name\r\n\r\n",
      "GET / HTTP/1.1\r\n\(ownHost)no colon\r\n\r\n", "GET / HTTP/1.1\r\n\(ownHost)Bad Name: x\r\n\r\n",
      "GET / HTTP/1.1\r\n\(ownHost)Content-Length: 5\r\n\r\n",
      "GET / HTTP/1.1\r\n\(ownHost)Content-Length: 00\r\n\r\n",
      "GET / HTTP/1.1\r\n\(ownHost)Transfer-Encoding: chunked\r\n\r\n",
      "GET /\u{0} HTTP/1.1\r\n\(ownHost)\r\n",
      "GET /é HTTP/1.1\r\n\(ownHost)\r\n", "GET / HTTP/1.1\r\n\(ownHost)X: a\rb\r\n\r\n",
      "GET / HTTP/1.1\r\n\(ownHost)X: \u{1B}[31m\r\n\r\n",
    ])
  func malformed(text: String) {
    guard case .failure(.malformed) = parse(text) else {
      Issue.record("\(parse(text))")
      return
    }
  }

  @Test("later versions and very many fields are refused")
  func limits() {
    #expect(parse("GET / HTTP/2.0\r\n\(ownHost)\r\n") == .failure(.version))
    let fields = (0..<64).map { "X\($0): y\r\n" }.joined()
    #expect(parse("GET / HTTP/1.1\r\n\(ownHost)\(fields)\r\n") == .failure(.tooLong))
  }

  @Test("a head ends at its first empty line, whatever follows, and lines before it may be empty")
  func headLength() {
    #expect(ViewRequest.headLength(Array("GET / HTTP/1.1\r\nHost: x\r\n".utf8)) == nil)
    #expect(ViewRequest.headLength(Array("a\r\nb\r\n\r\nrest\r\n\r\n".utf8)) == 8)
    #expect(ViewRequest.headLength(Array("a\n\n".utf8)) == 3)
    #expect(ViewRequest.headLength(Array("\r\n\r\na\r\n\r\n".utf8)) == 9)
    #expect(ViewRequest.headLength(Array("\r\n\r\n".utf8)) == nil)
    #expect(ViewRequest.headLength([]) == nil)
  }

  @Test(
    "an answer to HEAD has the length of the body and no body; a refusal of a method names those that are allowed"
  )
  func answers() {
    let head = String(decoding: ViewAnswer.bytes(type: "text/plain", body: [65], isHead: true), as: UTF8.self)
    #expect(head.contains("Content-Length: 1\r\n") && head.hasSuffix("\r\n\r\n"))
    #expect(
      String(decoding: ViewAnswer.refusing(.method), as: UTF8.self).contains("\r\nAllow: GET, HEAD\r\n"))
  }
}

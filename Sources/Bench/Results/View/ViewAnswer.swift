/// What `bench view` answers: bytes of HTTP, after which the connection ends.
enum ViewAnswer {
  /// What a page may do, beside its own policy: be shown in no frame and be read by no other site.
  private static let protection = [
    "Cache-Control: no-store", "Content-Security-Policy: frame-ancestors 'none'", "X-Frame-Options: DENY",
    "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
    "Cross-Origin-Resource-Policy: same-origin",
    "Cross-Origin-Opener-Policy: same-origin",
  ]

  /// An answer with `body`, or with its head alone.
  static func bytes(
    status: String = "200 OK", type: String, body: [UInt8], isHead: Bool = false, extra: [String] = []
  ) -> [UInt8] {
    let lines =
      ["HTTP/1.1 \(status)", "Content-Type: \(type)", "Content-Length: \(body.count)", "Connection: close"]
      + protection
      + extra
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (isHead ? [] : body)
  }

  /// The answer to a request that is refused.
  static func refusing(_ refusal: ViewRequest.Refusal) -> [UInt8] {
    let (line, text) = refusal.status
    return bytes(
      status: line, type: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8),
      extra: refusal == .method ? ["Allow: GET, HEAD"] : [])
  }
}

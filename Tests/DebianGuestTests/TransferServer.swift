import Foundation

/// An HTTP server on the virtual host: GET answers a file of 64 MiB, POST with the checksum of what it got.
final class TransferServer: Sendable {
  private let process: LkvmProcess
  /// The port that it listens on.
  let port: Int
  /// cksum's output for the file.
  let checksum: String

  private static let source = """
    import http.server, subprocess, sys

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, data):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.answer(CONTENT)

        def do_POST(self):
            checksum = subprocess.Popen(["cksum"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            left = int(self.headers["Content-Length"])
            while left:
                data = self.rfile.read(min(left, 1 << 16))
                if not data:
                    break
                checksum.stdin.write(data)
                left -= len(data)
            self.answer(checksum.communicate()[0])

    with open(sys.argv[2], "rb") as file:
        CONTENT = file.read()
    server = http.server.ThreadingHTTPServer((sys.argv[1], 0), Handler)
    print("port", server.server_port, flush=True)
    server.serve_forever()
    """

  /// Starts it on `address`; `prefix` is a command that runs it elsewhere, as in a network namespace.
  init(address: String, folder: TemporaryFolder, prefix: [String] = []) throws {
    let file = try folder.image("transfer", mebibytes: 64)
    checksum = try VirtualHost.run("sh", "-c", "cksum < '\(file)'").trimmingCharacters(in: .newlines)
    let words = prefix + ["/usr/bin/python3", "-c", Self.source, address, file]
    process = try LkvmProcess(words, program: URL(filePath: "/usr/bin/env"))
    try process.wait(for: "\n", within: .seconds(60))
    guard let port = Int(process.output.dropFirst("port ".count).dropLast()) else {
      throw TestFailure("the HTTP server said: \(process.output)")
    }
    self.port = port
  }

  /// What a guest does to transfer the file both ways: values `download` and `upload` are checksums.
  func script(host: String) -> String {
    """
    busybox wget -q -O /dev/shm/file http://\(host):\(port)/file
    say download "$(cksum < /dev/shm/file)"
    # BusyBox's wget cannot post a file with NULs.
    say upload "$({
      printf 'POST / HTTP/1.0\\r\\nContent-Length: %s\\r\\n\\r\\n' "$(stat --format=%s /dev/shm/file)"
      cat /dev/shm/file
    } | busybox nc \(host) \(port) | tail -n 1)"
    """
  }
}

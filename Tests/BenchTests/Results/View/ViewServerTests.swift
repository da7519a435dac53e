import Foundation
import Testing

@testable import Bench

/// `bench view` as a process, with clients that are not well-behaved.
struct ViewServerTests {
  /// Starts `bench view` on argument 2, talks to it, and prints a line for each thing that it saw.
  private static let clients = """
    import json, os, signal, socket, subprocess, sys, time
    program, run = sys.argv[1], sys.argv[2]
    view = subprocess.Popen([program, "view", run], stdout=subprocess.PIPE, text=True)
    port = int(view.stdout.readline().split("127.0.0.1:")[1].split("/")[0])
    def ask(data, wait=10):
        with socket.create_connection(("127.0.0.1", port), timeout=wait) as s:
            s.sendall(data)
            got = b""
            while True:
                part = s.recv(65536)
                if not part: return got
                got += part
    def status(answer): return answer.split(b"\\r\\n")[0].decode()
    host = f"Host: 127.0.0.1:{port}\\r\\n".encode()
    page = ask(b"GET / HTTP/1.1\\r\\n" + host + b"\\r\\n")
    print("page", status(page), b"<h1>vext: benchmark report</h1>" in page, b'id="live"' in page)
    head = ask(b"HEAD / HTTP/1.1\\r\\n" + host + b"\\r\\n")
    length = int(head.split(b"Content-Length: ")[1].split(b"\\r\\n")[0])
    print("head", length == len(page.split(b"\\r\\n\\r\\n", 1)[1]), head.endswith(b"\\r\\n\\r\\n"))
    state = ask(b"GET /live.json HTTP/1.1\\r\\n" + host + b"\\r\\n").split(b"\\r\\n\\r\\n", 1)[1]
    print("state", json.loads(state)["boots_finished"])
    for path in ["/rows.csv", "/../../etc/passwd", "//", "/?x", "/live.json/", "http://127.0.0.1/", "*"]:
        print("path", status(ask(f"GET {path} HTTP/1.1\\r\\n".encode() + host + b"\\r\\n")))
    print("rebound", status(ask(b"GET / HTTP/1.1\\r\\nHost: evil.example\\r\\n\\r\\n")))
    print("post", status(ask(b"POST / HTTP/1.1\\r\\n" + host + b"Content-Length: 3\\r\\n\\r\\nabc")))
    print("long", status(ask(b"GET / HTTP/1.1\\r\\n" + host + b"X: " + b"y" * 100000 + b"\\r\\n\\r\\n")))
    print("binary", status(ask(bytes(range(256)) * 16 + b"\\r\\n\\r\\n")))
    print("pipelined", ask((b"GET /live.json HTTP/1.1\\r\\n" + host + b"\\r\\n") * 3).count(b"HTTP/1.1 200"))
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for s in slow: s.sendall(b"GET / HT")
    silent = socket.create_connection(("127.0.0.1", port))
    start = time.time()
    print("beside slow ones", status(ask(b"GET / HTTP/1.1\\r\\n" + host + b"\\r\\n")), time.time() - start < 2)
    slow[0].settimeout(10)
    print("slow", status(slow[0].recv(4096)), 3 < time.time() - start < 8)
    silent.settimeout(10)
    silent.recv(4096)
    for s in slow: s.close()
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    for s in crowd: s.close()
    print("after a crowd", status(ask(b"GET / HTTP/1.1\\r\\n" + host + b"\\r\\n")))
    outside = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    def reaches(name):
        try:
            socket.create_connection((name, port), timeout=1).close()
            return True
        except OSError:
            return False
    print("other addresses", any(reaches(name) for name in outside if ":" not in name))
    second = subprocess.run([program, "view", run, "--port", str(port)], capture_output=True, text=True)
    print("taken", second.returncode, "another program listens there" in second.stderr)
    print("nice", os.getpriority(os.PRIO_PROCESS, view.pid))
    view.send_signal(signal.SIGINT)
    print("end", view.wait(10))
    """

  @Test(
    "a browser gets the page and the run's state; hostile, slow and foreign clients get errors, and nothing stops"
  )
  func clients() throws {
    let folder = try TemporaryFolder()
    try FigureFixture.write(FigureFixture.boots(.vext, iops: [1, 2]), to: folder.path)
    try folder.write("clients.py", Self.clients)
    let run = try CommandRun([
      "python3", folder.file("clients.py"), BenchProgram.program.path, folder.path,
    ])
    #expect(
      run.output.split(separator: "\n").map(String.init) == [
        "page HTTP/1.1 200 OK True True", "head True True", "state 2",
      ] + [String](repeating: "path HTTP/1.1 404 Not Found", count: 7) + [
        "rebound HTTP/1.1 421 Misdirected Request", "post HTTP/1.1 405 Method Not Allowed",
        "long HTTP/1.1 431 Request Header Fields Too Large", "binary HTTP/1.1 400 Bad Request", "pipelined 1",
        "beside slow ones HTTP/1.1 200 OK True", "slow HTTP/1.1 408 Request Timeout True",
        "after a crowd HTTP/1.1 200 OK", "other addresses False", "taken 69 True", "nice 19", "end 0",
      ])
  }

  @Test("the live page's script is the one that its content policy allows")
  func policy() throws {
    let folder = try TemporaryFolder()
    try folder.write("script.js", LiveSection.script)
    let sum = try CommandRun(["sha256sum", folder.file("script.js")]).output.prefix(64)
    let bytes = stride(from: 0, to: 64, by: 2).compactMap { UInt8(sum.dropFirst($0).prefix(2), radix: 16) }
    #expect(LiveSection.scriptPolicySource == "'sha256-\(Data(bytes).base64EncodedString())'")
    let page = RunReport.page(LiveSection.policy, body: "")
    #expect(
      page.contains(
        "\(HTMLText.escaped(PageScript.policySource)) \(HTMLText.escaped(LiveSection.scriptPolicySource)); connect-src"
      ))
  }

  @Test("before the first row the page says so and follows the run, and a page of its own follows nothing")
  func early() throws {
    let folder = try TemporaryFolder()
    let pages = ViewPages(of: folder.file("rows.csv"), choice: FigureRuns.Choice())
    let page = String(decoding: try pages.answer(ViewRequest(path: "/", isHead: false)), as: UTF8.self)
    #expect(page.contains("There is no report yet: ") && page.contains(LiveSection.script))
    #expect(throws: ViewRequest.Refusal.unknownPath) {
      try pages.answer(ViewRequest(path: "/x", isHead: false))
    }
    let runs = try FigureFixture.runs(FigureFixture.boots(.vext, iops: [1]))
    let report = try RunReport(runs: runs, figures: FigureSet(runs), drawn: [:]).html()
    #expect(!report.contains("id=\"live\""))
  }
}

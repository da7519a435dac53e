import Hypervisor
import Testing

@testable import vextd

/// The metrics that vextd gives to Prometheus and in `vextd top`.
@Suite struct MetricsTests {
  /// A snapshot with two clients at `second` seconds; each second brings 1,000 reads of 4 KiB.
  private func snapshot(second: UInt64) throws -> VextServiceSnapshot {
    let clients = (1...2).map { number in
      "client \(number) \(100 + number) 0 disk\(number) 2 100 \(number - 1) \(second * 1000) 0 0 0 \(second * 4_096_000) 0 3 9 "
        + "\(second * 1000) \(second * 1_000_000) 5000 1.0 100:\(second * 900 + 1) 150:\(second * 100 + 1)\n"
    }
    return try #require(
      VextServiceSnapshot(
        text: "threads \(second * 1_000_000_000) \(second * 250_000_000)\n" + clients.joined()))
  }

  @Test func `the table shows what came between two snapshots`() throws {
    let text = ServiceTable(from: try snapshot(second: 10), to: try snapshot(second: 12)).text
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(lines.count == 4)
    #expect(lines[0].joined(separator: " ") == "2 clients; io0 25 % CPU")
    #expect(lines[2][0...6] == ["1", "101", "0", "disk1", "2", "1000", "3.9"])
    #expect(lines[2].last == "no" && lines[3].last == "yes")
    // Nine of ten are in the bucket that ends at the median.
    let times = try lines[2][7...9].map { try #require(Double($0)) }
    #expect(times[0] < times[1] && times[1] == times[2])
  }

  @Test func `the table and the metrics show the queues of threads that exchange them, and the moves`() throws
  {
    let snapshot = try #require(VextServiceSnapshot(text: "threads 5 1 2\nqueues 7 3 4\n"))
    #expect(
      ServiceTable(from: snapshot, to: snapshot).text.hasPrefix(
        "0 clients; io0 0 % CPU 3 queues, io1 0 % CPU 4 queues; 7 moves\n"))
    let text = ServiceMetrics(snapshot).text
    #expect(text.contains("\nvextd_io_thread_queues{thread=\"1\"} 4\n"))
    #expect(text.contains("\nvextd_queue_moves_total 7\n"))
  }

  @Test func `a table without clients or time has no numbers to divide by`() throws {
    let empty = try #require(VextServiceSnapshot(text: "threads 5\n"))
    #expect(ServiceTable(from: empty, to: empty).text.hasPrefix("0 clients;"))
    let one = try snapshot(second: 1)
    #expect(ServiceTable(from: one, to: one).text.contains("disk1"))
  }

  @Test func `metrics have a type each, and a sample for each client`() throws {
    let text = ServiceMetrics(try snapshot(second: 3)).text
    let lines = text.split(separator: "\n")
    let names = Set(lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != "{" && $0 != " " } })
    let typed = Set(lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] })
    #expect(names.subtracting(typed) == ["vextd_request_seconds_sum", "vextd_request_seconds_count"])
    #expect(text.contains("vextd_reads_total{client=\"2\",disk=\"disk2\",process=\"102\"} 3000\n"))
    #expect(text.contains("vextd_io_thread_cpu_seconds_total{thread=\"0\"} 0.75\n"))
    #expect(lines.count { $0.hasPrefix("vextd_request_seconds{") } == 6)
  }

  @Test(arguments: [
    ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200"), ("GET / HTTP/1.1\r\n\r\n", "404"),
    ("POST /metrics HTTP/1.1\r\n\r\n", "405"), ("", "405"), ("\r\n\r\n", "405"), ("GET\r\n\r\n", "405"),
  ])
  func `a request gets its status, and Content-Length is the body's length`(request: String, status: String)
    throws
  {
    let response = MetricsSocket.response(to: Array(request.utf8), metrics: "x 1\n")
    #expect(response.hasPrefix("HTTP/1.0 \(status) "))
    let parts = response.split(separator: "\r\n\r\n", maxSplits: 1)
    #expect(parts.count == 2)
    #expect(parts[0].contains("Content-Length: \(parts[1].utf8.count)"))
  }

  @Test(arguments: [
    (0.0, 1, "0.0"), (12.34, 1, "12.3"), (0.96, 1, "1.0"), (7.0, 0, "7"), (-4, 2, "0.00"),
    (1e30, 0, "1000000000000000000"),
  ])
  func `numbers are written with their digits`(value: Double, digits: Int, text: String) {
    #expect(ServiceTable.number(value, digits: digits) == text)
  }
}

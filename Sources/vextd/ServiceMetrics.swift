import Hypervisor

/// A snapshot in Prometheus' text format 0.0.4.
struct ServiceMetrics {
  private let snapshot: VextServiceSnapshot

  init(_ snapshot: VextServiceSnapshot) { self.snapshot = snapshot }

  /// All metrics, each with its help and type.
  var text: String {
    metric("vextd_clients", "gauge", "Clients that have a disk.", [("", "\(snapshot.clients.count)")])
      + metric(
        "vextd_io_thread_cpu_seconds_total", "counter", "CPU time of an I/O thread.",
        snapshot.threadNanoseconds.enumerated().map {
          ("{thread=\"\($0.offset)\"}", "\(Double($0.element) / 1e9)")
        })
      + placement
      + clients("vextd_queues", "gauge", "Queues that a client has enabled.") { "\($0.queueCount)" }
      + clients("vextd_requests_in_flight", "gauge", "Requests in flight.") { "\($0.statistics.inFlight)" }
      + clients("vextd_throttled", "gauge", "1 while limits hold a disk's requests back.") {
        $0.isHeldBack ? "1" : "0"
      }
      + clients("vextd_reads_total", "counter", "Reads.") { "\($0.statistics.reads)" }
      + clients("vextd_writes_total", "counter", "Writes.") { "\($0.statistics.writes)" }
      + clients("vextd_flushes_total", "counter", "Flushes.") { "\($0.statistics.flushes)" }
      + clients("vextd_discards_total", "counter", "Discards and zeroed ranges.") {
        "\($0.statistics.discards)"
      }
      + clients("vextd_read_bytes_total", "counter", "Bytes that reads asked for.") {
        "\($0.statistics.readBytes)"
      }
      + clients("vextd_written_bytes_total", "counter", "Bytes of writes.") {
        "\($0.statistics.writtenBytes)"
      }
      + latencies
  }

  private var placement: String {
    guard let placement = snapshot.placement else { return "" }
    return metric(
      "vextd_io_thread_queues", "gauge", "Queues that an I/O thread serves.",
      placement.queueCounts.enumerated().map { ("{thread=\"\($0.offset)\"}", "\($0.element)") })
      + metric(
        "vextd_queue_moves_total", "counter", "Moves of queues from one I/O thread to another.",
        [("", "\(placement.moveCount)")])
  }

  private var latencies: String {
    let name = "vextd_request_seconds"
    var samples: [(String, String)] = []
    for client in snapshot.clients {
      for part in [0.5, 0.99, 0.999] {
        guard let time = client.statistics.latencies.nanoseconds(within: part) else { continue }
        samples.append(("{\(labels(client)),quantile=\"\(part)\"}", "\(time / 1e9)"))
      }
    }
    let sums = snapshot.clients.map { client in
      "\(name)_sum{\(labels(client))} \(client.statistics.serviceNanoseconds / 1e9)\n"
        + "\(name)_count{\(labels(client))} \(client.statistics.finished)\n"
    }
    return metric(name, "summary", "Time from taking a request to completing it.", samples) + sums.joined()
  }

  private func clients(
    _ name: String, _ type: String, _ help: String, _ value: (VextServiceSnapshot.Client) -> String
  ) -> String {
    metric(name, type, help, snapshot.clients.map { ("{\(labels($0))}", value($0)) })
  }

  /// A disk's name needs no escapes.
  private func labels(_ client: VextServiceSnapshot.Client) -> String {
    "client=\"\(client.number)\",disk=\"\(client.disk)\",process=\"\(client.processID)\""
  }

  private func metric(_ name: String, _ type: String, _ help: String, _ samples: [(String, String)]) -> String
  {
    "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n" + samples.map { "\(name)\($0.0) \($0.1)\n" }.joined()
  }
}

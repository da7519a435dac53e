import Hypervisor

/// What `--stats` tells at a run's end.
struct RunStatistics {
  private let guest: Guest

  /// The figures of a guest that has been shut down.
  init(_ guest: Guest) { self.guest = guest }

  /// One figure a line.
  var text: String {
    var lines: [String] = []
    func milestone(_ name: String, _ milestone: StartUpClock.Milestone) {
      guard let nanoseconds = guest.startUp.nanosecondsSinceExecution(milestone) else { return }
      lines.append("\(name): \(nanoseconds / 1000) us")
    }
    milestone("exec to main", .entered)
    milestone("exec to kernel loaded", .loaded)
    milestone("exec to first guest instruction", .started)
    milestone("exec to init", .initRunning)
    return lines.map { "stats: \($0)\n" }.joined()
  }
}

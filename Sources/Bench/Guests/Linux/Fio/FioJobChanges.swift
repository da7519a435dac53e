/// What bench changes in the options of a job file, from what to what.
struct FioJobChanges {
  /// The changes, in a line; empty for none.
  let text: String

  /// The changes in `jobs`.
  ///
  /// - Parameter byteCount: How many bytes the jobs have; nil while that is not known.
  init(_ jobs: [FioJobSection], byteCount: UInt64?) {
    var replaced: [(change: String, lines: [String])] = []
    for job in jobs {
      let place = byteCount.flatMap { try? FioJobPlace(job, byteCount: $0) }
      for option in job.options where FioOptionTable.treatment(of: option.key) == .replaced {
        guard let change = Self.change(of: option, in: job, place: place) else { continue }
        let index = replaced.firstIndex { $0.change == change } ?? replaced.count
        if index == replaced.count { replaced.append((change, [])) }
        if !replaced[index].lines.contains(option.line) { replaced[index].lines.append(option.line) }
      }
    }
    var parts = replaced.map {
      $0.lines.joined(separator: ", ") + ($0.lines.count > 1 ? " are " : " is ") + $0.change
    }
    if jobs.contains(where: { !$0.addedOptions.isEmpty }) { parts.append("lat_percentiles=1 is added") }
    text = parts.joined(separator: "; ")
  }

  /// What becomes of `option`, to be read after "is"; nil if fio gets the same value.
  private static func change(
    of option: FioJobOption, in job: FioJobSection, place: FioJobPlace?
  ) -> String? {
    let value: UInt64?
    switch option.key {
    case "size": value = place?.size
    case "offset": value = place?.offset
    case "offset_increment": value = place?.increment
    case "stonewall", "wait_for": return option.isOn ? "replaced by phases" : nil
    case "new_group": return option.isOn ? "replaced by a row for each group" : nil
    case "group_reporting": return "left out: bench sums up a group's jobs"
    case "filename", "directory", "filename_format", "unique_filename", "opendir", "filesize", "nrfiles",
      "openfiles", "file_service_type", "unlink", "unlink_each_loop":
      return "replaced by bench's file or device"
    default: return "left out: logs would stay in the guest"
    }
    guard let value else { return "replaced by bytes within --size" }
    // An option that a later one of the same key overrides says nothing of its own.
    guard option.value == job.value(option.key) else { return nil }
    return ByteSize(option.value ?? "")?.byteCount == value
      ? nil : "replaced by \(ByteSize(byteCount: value))"
  }
}

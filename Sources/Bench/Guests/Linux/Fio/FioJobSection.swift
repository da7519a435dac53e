/// A job of a job file: a section with the options of the global sections before it.
struct FioJobSection: Codable, Equatable, Sendable {
  /// The section's name.
  let name: String
  /// Its options, in the file's order: where several have one key, the last one counts.
  let options: [FioJobOption]

  /// What `key` says; nil without the option or without a value.
  func value(_ key: String) -> String? { option(key)?.value }

  /// Whether the boolean option `key` says yes.
  func isOn(_ key: String) -> Bool { option(key)?.isOn ?? false }

  private func option(_ key: String) -> FioJobOption? { options.last { $0.key == key } }

  /// How many processes or threads the job is; fio's default is 1.
  var jobCount: UInt64 { value("numjobs").flatMap(UInt64.init).map { max(1, min($0, 1 << 20)) } ?? 1 }

  /// Without it fio keeps bins of completion latencies only, which leave out the submission and its kick.
  var addedOptions: [FioJobOption] {
    let mentions = ["lat_percentiles", "disable_lat", "gtod_reduce"]
    return options.contains { mentions.contains($0.key) } ? [] : [FioJobOption("lat_percentiles", "1")]
  }

  /// fio's `rw`; its own default is `read`.
  var rw: String { value("rw") ?? "read" }

  /// Whether the job writes, and reads only in order to verify that afterwards.
  var verifiesWrites: Bool {
    verifies && direction == 1 && (value("do_verify") ?? "1") != "0"
  }

  /// Whether what the job reads is checked.
  var verifies: Bool { value("verify").map { !["0", "none", "null"].contains($0) } ?? false }

  /// Block sizes as the file has them, where one number does not say it: `bssplit`, `bsrange`, or several in `bs`.
  var blockSizes: String? {
    if let split = value("bssplit") { return "bssplit=\(split)" }
    if let range = value("bsrange") { return "bsrange=\(range)" }
    guard let text = value("bs") else { return nil }
    return direction != nil || Set(Self.sizes(text)).count == 1 ? nil : "bs=\(text)"
  }

  /// The size of a request in bytes; the first where there are several. fio's default is 4 KiB. nil if bench cannot read it.
  var blockByteCount: UInt64? {
    if let text = value("bssplit") ?? value("bsrange") { return Self.sizes(text).first?.byteCount }
    guard let text = value("bs") else { return 4096 }
    // For reads, writes and trims: what is left out is as what stands before it.
    let sizes = Self.sizes(text)
    return sizes.isEmpty ? nil : sizes[min(direction ?? 0, sizes.count - 1)].byteCount
  }

  /// The smallest size of a request in bytes, as far as bench can read it: what fio requires of a file at least.
  var leastBlockByteCount: UInt64 {
    let text = value("bssplit") ?? value("bsrange") ?? value("bs") ?? "4k"
    return Self.sizes(text).map(\.byteCount).min() ?? 1
  }

  /// The place among reads, writes and trims of the only kind of requests that the job makes; nil where it makes several.
  private var direction: Int? {
    switch rw.prefix(while: { $0 != ":" }) {
    case "read", "randread": 0
    case "write", "randwrite": 1
    case "trim", "randtrim": 2
    default: nil
    }
  }

  /// The sizes at the beginning of `text`: `4k,8k`, `4k-16k`, `4k/60:64k/40`. `$pagesize` is a guest's.
  private static func sizes(_ text: String) -> [ByteSize] {
    let parts = text.replacing("$pagesize", with: "4096").split(whereSeparator: { ",-:".contains($0) })
    var sizes: [ByteSize] = []
    for part in parts {
      guard let size = ByteSize(String(part.prefix { $0 != "/" })) else { break }
      sizes.append(size)
    }
    return sizes
  }

  /// An option whose value bench needs for the row, and cannot read; nil if there is none.
  var unreadable: FioJobOption? {
    if blockByteCount ?? 0 == 0 {
      return options.last { ["bssplit", "bsrange", "bs"].contains($0.key) }
    }
    return options.first { option in
      ["iodepth", "numjobs"].contains(option.key)
        && (DecimalText.integer(option.value ?? "") as Int?).map { $0 > 0 } != true
    }
  }

  /// fio's `iodepth`; its own default is 1.
  var iodepth: Int { value("iodepth").flatMap { Int($0) } ?? 1 }

  /// Whether the page cache is left out.
  var isDirect: Bool {
    let last = options.last { $0.key == "direct" || $0.key == "buffered" }
    return last.map { $0.key == "direct" ? $0.isOn : !$0.isOn } ?? false
  }

  /// `rate` or `rate_iops`, as written.
  var rate: String? {
    ["rate", "rate_iops"].compactMap { key in value(key).map { "\(key)=\($0)" } }.first
  }

  /// The section for fio: its file is `target`, of which `byteCount` bytes are the workload's.
  ///
  /// - Throws: ``BenchFailure`` if the job lies outside of those.
  func text(for target: String, byteCount: UInt64) throws(BenchFailure) -> String {
    let kept = options.filter { FioOptionTable.treatment(of: $0.key) != .replaced }
    let place = try FioJobPlace(self, byteCount: byteCount)
    let own = [FioJobOption("filename", target)] + place.options + addedOptions
    return (["[\(name)]"] + (kept + own).map(\.line)).joined(separator: "\n") + "\n"
  }
}

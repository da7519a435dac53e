import SystemPackage

/// Reads the contents of clusters wherever they are. Any thread.
struct QcowReader: Sendable {
  let file: any QcowFile
  let clusterBits: UInt64
  let backing: QcowBacking
  let expander: QcowExpander

  /// Fills `range` of `buffer` with what `cluster` of the disk has from its byte `within` on.
  func read(
    _ mapping: QcowMapping, of cluster: UInt64, within: Int, into buffer: HostBuffer, _ range: Range<Int>
  ) throws(QcowError) {
    switch mapping {
    case .zero: buffer.zero(range)
    case .unallocated: try backing.read(buffer, range, at: cluster << clusterBits + UInt64(within))
    case .data(let host, _):
      try qcowCall { () throws(Errno) in try file.read(buffer, range, at: host + UInt64(within)) }
    case .compressed(let offset, let byteCount):
      let content = try expander.cluster(at: offset, byteCount: byteCount, in: file)
      buffer.copy(content, within..<within + range.count, to: range.lowerBound)
    }
  }
}
